-- Metrics over time, by any dimensions: one row per step and group; or in the newest step of each
-- cluster alone.
-- A ratio is a sum over a sum. A number of GPUs is, for each cluster, the GPU-time over the time that
-- was collected; the clusters' are added. What is known of projects, pods or nodes beside their GPUs is,
-- for each, its integral over the longest time for which any in its cluster was told.
with
    ledger as ({{ ledger }}),
    picked as (
        select
            ledger.*,
            {% if is_latest %} timestamp_seconds($start)
            {% else %} timestamp_seconds(unix_timestamp(time) - unix_timestamp(time) % $step)
            {% endif %} as bucket
        from ledger
        {% if is_latest %}
            inner join
                (
                    select cluster, max(time) as time
                    from ledger
                    where time < timestamp_seconds($end)
                    group by cluster
                ) as newest using (cluster, time)
        {% endif %}
        where time >= timestamp_seconds($start) and time < timestamp_seconds($end)
    ),
    {% if is_timed %}
        elapsed as (
            select cluster, bucket, sum(elapsed_seconds) as elapsed_seconds
            from (select distinct cluster, bucket, time, elapsed_seconds from picked) as steps
            group by cluster, bucket
        ),
    {% endif %}
    sums as (
        select
            cluster,
            bucket,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            {{ entity }} as entity,
            max(time) as newest
            {% for metric in metrics %}
                ,
                sum({{ metric.numerator }}) as {{ metric.name }}_numerator
                {% if metric.is_divided_by_column %}
                    , sum({{ metric.denominator }}) as {{ metric.name }}_denominator
                {% endif %}
                {% if statistic != "mean" %}
                    ,
                    min({{ metric.extremes[0] }}) as {{ metric.name }}_min,
                    max({{ metric.extremes[1] }}) as {{ metric.name }}_max
                {% endif %}
            {% endfor %}
        from picked
        where kind in ({{ kinds }}){% for condition in conditions %} and {{ condition }}{% endfor %}
        group by cluster, bucket, {% for dimension in by %} {{ dimension.sql }},{% endfor %} {{ entity }}
    ),
    told as (
        select
            sums.*
            {% if is_timed %}, elapsed_seconds{% endif %}
            {% for metric in metrics if metric.is_summed_over_entities %}
                ,
                max({{ metric.name }}_denominator) over (
                    partition by sums.cluster, sums.bucket
                ) as {{ metric.name }}_told
            {% endfor %}
        from sums
        {% if is_timed %}
            inner join elapsed on elapsed.cluster = sums.cluster and elapsed.bucket = sums.bucket
        {% endif %}
    )
select
    {{ "max(newest)" if is_latest else "bucket" }} as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    {% for metric in metrics %}
        {% if statistic != "mean" %} {{ statistic }} ({{ metric.name }}_{{ statistic }})
        {% elif metric.is_summed_over_entities %}
            sum({{ metric.name }}_numerator / nullif({{ metric.name }}_told, 0))
        {% elif metric.is_divided_by_column %}
            sum({{ metric.name }}_numerator) / nullif(sum({{ metric.name }}_denominator), 0)
        {% elif metric.is_divided_by_time %} sum({{ metric.name }}_numerator / elapsed_seconds)
        {% else %} sum({{ metric.name }}_numerator)
        {% endif %} as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from told
group by bucket{% for dimension in by %}, {{ dimension.column }}{% endfor %}
order by bucket{% for dimension in by %}, {{ dimension.column }}{% endfor %}
