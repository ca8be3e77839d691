-- For each metric, step and group the least value that a share of the weight stays at or below. Values are
-- laid into classes first: then only those of the class that is sought need be sorted.
with
    classes as (
        select {{ group }}, metric, {{ class }} as class, max(time) as newest, sum(weight) as weight
        from ({{ weighted }}) as weighted
        where value is not null and weight > 0
        group by {{ group }}, metric, {{ class }}
    ),
    reaching as (
        select
            *,
            max(newest) over (partition by {{ group }}, metric) as latest,
            sum(weight) over (partition by {{ group }}, metric) as whole,
            sum(weight) over (partition by {{ group }}, metric order by class) as reached
        from classes
    ),
    bounded as (
        select *, lag(reached, 1, 0) over (partition by {{ group }}, metric order by class) as passed
        from reaching
    ),
    sought as (select * from bounded where passed < $share * whole and reached >= $share * whole),
    found as (
        select
            {% for name in names %} sought.{{ name }},{% endfor %}
            sought.metric,
            latest,
            whole,
            passed,
            value,
            sum(weighted.weight) as weight
        from ({{ weighted }}) as weighted
        inner join
            sought on weighted.metric = sought.metric and {{ class }} = sought.class
            {% for name in names %} and weighted.{{ name }} is not distinct from sought.{{ name }}{% endfor %}
        where value is not null and weighted.weight > 0
        group by
            {% for name in names %} sought.{{ name }},{% endfor %} sought.metric, latest, whole, passed, value
    ),
    ranked as (
        select
            *, (passed + sum(weight) over (partition by {{ group }}, metric order by value)) / whole as share
        from found
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
