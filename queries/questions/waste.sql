-- Waste: who held GPUs in vain, in which way, and how that is known; the most first.
with
    holdings as ({% include "holdings.sql" %}),
    classes as (
        select *
        from
            (
                values {% for class in classes %} ('{{ class }}'){{ "," if not loop.last }} {% endfor %}
            ) as every_class(class)
    ),
    wasted as (
        select
            holdings.*,
            class,
            case
                class {% for class in classes %} when '{{ class }}' then {{ class }}_seconds {% endfor %}
            end as wasted_seconds
        from holdings
        cross join classes
    )
select
    class,
    {% for column in columns %} {{ column }},{% endfor %}
    {% for column in named %} max({{ column }}) as {{ column }},{% endfor %}
    sum(wasted_seconds) / 3600 as wasted_gpu_hours,
    sum(busy_seconds + idle_seconds + held_seconds) / 3600 as allocated_gpu_hours,
    count(
        distinct cluster || '/' || coalesce(namespace, '') || '/' || workload_kind || '/' || workload
    ) as workloads,
    count(distinct cluster || '/' || node || '/' || coalesce(gpu, '')) as gpus,
    sum(busy_seconds) / nullif(sum(busy_seconds + idle_seconds), 0) as gpu_utilization_ratio,
    max(gpu_utilization_ratio_max) as gpu_utilization_ratio_max,
    max(gpu_memory_used_bytes_max) as gpu_memory_used_bytes_max,
    max(gpu_memory_used_bytes_max / gpu_memory_total_bytes_max) as gpu_memory_utilization_ratio_max,
    sum(gpu_power_watts_integral) / nullif(sum(gpu_power_watts_seconds), 0) as gpu_power_watts,
    timestamp_seconds(min(held_since)) as held_since,
    timestamp_seconds(max(held_until)) as held_until,
    timestamp_seconds(min(first_activity)) as first_activity,
    timestamp_seconds(max(last_activity)) as last_activity,
    count(*) over () as found
from wasted
where wasted_seconds > 0
group by class{% for column in columns %}, {{ column }}{% endfor %}
having sum(wasted_seconds) / 3600 >= $min_gpu_hours
order by wasted_gpu_hours desc, class{% for column in columns %}, {{ column }}{% endfor %}
limit $limit
