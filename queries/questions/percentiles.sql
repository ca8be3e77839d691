-- For each metric, step and group the least value that a share of the weight stays at or below. Its bounds
-- are known: where they do not meet, the values between them are sorted.
with
    opened as (select * from bounds where coalesce(low < high, true)),
    found as (
        select
            {% for name in names %} opened.{{ name }},{% endfor %}
            opened.metric,
            latest,
            whole,
            greatest(low, value) as value,
            sum(weighted.weight) as weight
        from ({{ weighted }}) as weighted
        inner join
            opened on weighted.metric = opened.metric and value <= coalesce(high, value)
            {% for name in names %} and weighted.{{ name }} is not distinct from opened.{{ name }}{% endfor %}
        where weighted.weight > 0
        group by
            {% for name in names %} opened.{{ name }},{% endfor %} opened.metric,
            latest,
            whole,
            greatest(low, value)
    ),
    ranked as (
        select
            {{ group }},
            metric,
            latest,
            value,
            sum(weight) over (partition by {{ group }}, metric order by value) / whole as share
        from found
        union all
        select {{ group }}, metric, latest, high as value, 1 as share
        from bounds
        where low = high
    )
select
    {{ "max(latest)" if is_newest else "bucket" }} as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    place,
    {% for metric in metrics %}
        coalesce(
            min(case when metric = '{{ metric.name }}' and share >= $share then value end),
            max(case when metric = '{{ metric.name }}' then value end)
        ) as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from ranked
group by {{ group }}
