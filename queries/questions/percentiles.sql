-- For each metric, step and group the least value that a share of the weight stays at or below: the
-- greatest with less than that below it. Its bounds are known: where they do not meet, the values between
-- them are sorted.
with
    opened as (
        select *, row_number() over (order by {{ group }}, metric) as number
        from bounds
        where coalesce(low < high, true)
    ),
    found as (
        select number, least(high, value) as value, sum(weighted.weight) as weight
        from ({{ weighted }}) as weighted
        inner join
            opened on weighted.metric = opened.metric and value >= coalesce(low, value)
            {% for name in names %} and weighted.{{ name }} is not distinct from opened.{{ name }}{% endfor %}
        where weighted.weight > 0
        group by number, least(high, value)
    ),
    summed as (
        select number, value, sum(weight) over (partition by number order by value desc) as no_less from found
    ),
    ranked as (
        select {{ group }}, metric, latest, value, 1 - no_less / whole as below
        from summed
        inner join opened using (number)
        union all
        select {{ group }}, metric, latest, high as value, 0 as below
        from bounds
        where low = high
    )
select
    {{ "max(latest)" if is_newest else "bucket" }} as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    place,
    {% for metric in metrics %}
        coalesce(
            max(case when metric = '{{ metric.name }}' and below < $share then value end),
            min(case when metric = '{{ metric.name }}' then value end)
        ) as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from ranked
group by {{ group }}
