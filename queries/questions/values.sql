-- The value of each metric in each step and group.
-- A ratio is a sum over a sum. A number of GPUs is, for each cluster, the GPU-time over the time that
-- was collected; the clusters' are added. What is known of projects, pods or nodes beside their GPUs is,
-- for each, its integral over the longest time for which any in its cluster was told.
-- What is a sum over a sum of GPUs' rows needs no clusters apart.
{% if is_plain %}
    select
        {{ "max(time)" if is_newest else "bucket" }} as time,
        {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
        place,
        {% for metric in metrics %}
            {% if statistic == "min" %} min({{ metric.extremes[0] }})
            {% elif statistic == "max" %} max({{ metric.extremes[1] }})
            {% elif metric.denominator %}
                sum({{ metric.numerator }}) / nullif(sum({{ metric.denominator }}), 0)
            {% else %} sum({{ metric.numerator }})
            {% endif %} as {{ metric.name }}{{ "," if not loop.last }}
        {% endfor %}
    from picked
    where kind in ({{ kinds }}){% for condition in conditions %} and {{ condition }}{% endfor %}
    group by bucket, {% for dimension in by %} {{ dimension.sql }},{% endfor %} place
{% else %}
    with
        {% if is_timed %}
            elapsed as (
                select cluster, bucket, sum(elapsed_seconds) as elapsed_seconds
                from steps
                group by cluster, bucket
            ),
        {% endif %}
        sums as (
            select
                cluster as home,
                bucket,
                place,
                {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},
                {% endfor %}
                {{ entity }} as entity,
                max(time) as newest
                {% for metric in metrics %}
                    ,
                    sum({{ metric.numerator }}) as {{ metric.name }}_numerator
                    {% if metric.is_divided_by_column %}
                        , sum({{ metric.denominator }}) as {{ metric.name }}_denominator
                    {% endif %}
                    {% if statistic in ("min", "max") %}
                        ,
                        min({{ metric.extremes[0] }}) as {{ metric.name }}_min,
                        max({{ metric.extremes[1] }}) as {{ metric.name }}_max
                    {% endif %}
                {% endfor %}
            from picked
            where kind in ({{ kinds }}){% for condition in conditions %} and {{ condition }}{% endfor %}
            group by
                cluster,
                bucket,
                place,
                {% for dimension in by %} {{ dimension.sql }},
                {% endfor %} {{ entity }}
        ),
        told as (
            select
                sums.*
                {% if is_timed %}, elapsed_seconds
                {% endif %}
                {% for metric in metrics if metric.is_summed_over_entities %}
                    ,
                    max({{ metric.name }}_denominator) over (
                        partition by home, sums.bucket
                    ) as {{ metric.name }}_told
                {% endfor %}
            from sums
            {% if is_timed %}
                inner join elapsed on elapsed.cluster = sums.home and elapsed.bucket = sums.bucket
            {% endif %}
        )
    select
        {{ "max(newest)" if is_newest else "bucket" }} as time,
        {% for dimension in by %} {{ dimension.column }},
        {% endfor %}
        place,
        {% for metric in metrics %}
            {% if statistic in ("min", "max") %} {{ statistic }} ({{ metric.name }}_{{ statistic }})
            {% elif metric.is_summed_over_entities %}
                sum({{ metric.name }}_numerator / nullif({{ metric.name }}_told, 0))
            {% elif metric.is_divided_by_time or statistic == "sum" and metric.is_divided_by_column %}
                sum({{ metric.name }}_numerator / elapsed_seconds)
            {% elif metric.is_divided_by_column %}
                sum({{ metric.name }}_numerator) / nullif(sum({{ metric.name }}_denominator), 0)
            {% else %} sum({{ metric.name }}_numerator)
            {% endif %} as {{ metric.name }}{{ "," if not loop.last }}
        {% endfor %}
    from told
    group by bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place
{% endif %}
