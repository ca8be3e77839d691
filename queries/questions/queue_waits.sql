-- How long workloads waited from being submitted to their first pod running: of those that began to run
-- within the window, and how many waited at its end.
with
    changes as ({{ changes }}),
    picked as (
        select *
        from changes
        where time < timestamp_seconds($end) {% for condition in conditions %} and {{ condition }}{% endfor %}
    ),
    ordered as (
        select
            *,
            row_number() over (
                partition by cluster, namespace, workload_kind, workload
                order by {% include "place_of_change.sql" %} desc
            ) as age
        from picked
    ),
    waits as (
        select
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            true as is_over,
            queue_seconds
        from picked
        where state = 'running' and time >= timestamp_seconds($start)
        union all
        select
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            false as is_over,
            $until - unix_timestamp(time) + coalesce(queue_seconds, 0) as queue_seconds
        from ordered
        where age = 1 and state in ('submitted', 'pending', 'initializing')
    )
select
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    count(case when is_over then queue_seconds end) as waits,
    avg(case when is_over then queue_seconds end) as queue_seconds_mean,
    {% for share in shares %}
        percentile(
            case when is_over then queue_seconds end, {{ share }}
        ) as queue_seconds_p{{ (share * 100) | int }},
    {% endfor %}
    max(case when is_over then queue_seconds end) as queue_seconds_max,
    {% for name, seconds in edges.items() %}
        count(case when is_over and queue_seconds <= {{ seconds }} then 1 end) as waits_up_to_{{ name }},
    {% endfor %}
    count(case when is_over and queue_seconds is null then 1 end) as waits_not_known,
    count(case when not is_over then 1 end) as still_waiting,
    max(case when not is_over then queue_seconds end) as still_waiting_seconds_max
from waits
{% if by %}
    group by {% for dimension in by %} {{ dimension.column }}{{ "," if not loop.last }} {% endfor %}
    order by {% for dimension in by %} {{ dimension.column }}{{ "," if not loop.last }} {% endfor %}
{% endif %}
