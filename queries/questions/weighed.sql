-- Of values that have weights, the mean, an extreme, or the least that a share of the weight stays at or
-- below, for each metric, step and group.
with
    weighed as (
        select
            bucket,
            {% for dimension in by %} {{ dimension.column }},{% endfor %}
            place,
            metric,
            value,
            max(time) as newest,
            sum(weight) as weight
        from ({{ weighted }}) as weighted
        where value is not null and weight > 0
        group by bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place, metric, value
    ),
    ranked as (
        select
            *,
            sum(weight) over (
                partition by
                    bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place, metric
                order by value
            ) / sum(weight) over (
                partition by
                    bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place, metric
            ) as share
        from weighed
    )
select
    {{ "max(newest)" if is_newest else "bucket" }} as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    place,
    {% for metric in metrics %}
        {% if statistic == "mean" %}
            sum(case when metric = '{{ metric.name }}' then value * weight end)
            / sum(case when metric = '{{ metric.name }}' then weight end)
        {% elif statistic in ("min", "max") %}
            {{ statistic }} (case when metric = '{{ metric.name }}' then value end)
        {% else %} min(case when metric = '{{ metric.name }}' and share >= $share then value end)
        {% endif %} as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from {{ "ranked" if is_percentile else "weighed" }}
group by bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place
