-- Which workloads are on a page of a list whose order what they held alone decides, or when they were
-- submitted; with what was told of their states.
with
    ledger as ({{ ledger }}),
    held as (
        select
            cluster,
            coalesce(namespace, '') as namespace,
            workload_kind,
            workload,
            sum(busy_seconds) as busy_seconds,
            sum(idle_seconds) as idle_seconds,
            sum(busy_seconds + idle_seconds + held_seconds) as allocated_seconds,
            sum(energy_joules) as energy_joules
        from ledger
        where
            kind = 'gpu'
            and workload is not null
            and time >= timestamp_seconds($start)
            and time < timestamp_seconds($end)
            {% for condition in conditions %} and {{ condition }}{% endfor %}
            {% if is_chosen %}
                and (cluster, coalesce(namespace, ''), workload_kind, workload)
                in (select cluster, namespace, workload_kind, workload from chosen)
            {% endif %}
        group by cluster, coalesce(namespace, ''), workload_kind, workload
    ),
    lives as ({% include "lives.sql" %}),
    listed as (
        select
            cluster,
            namespace,
            workload_kind,
            workload,
            coalesce(allocated_seconds, 0) / 3600 as allocated_gpu_hours,
            coalesce(idle_seconds, 0) / 3600 as idle_gpu_hours,
            busy_seconds / nullif(busy_seconds + idle_seconds, 0) as gpu_utilization_ratio,
            energy_joules,
            {% for name in told_of_lives %} {{ name }},{% endfor %}
            count(*) over () as found
        from held {{ "full" if is_told_of_changes else "left" }}
        join lives using (cluster, namespace, workload_kind, workload)
        where
            allocated_seconds is not null
            or changed_at >= timestamp_seconds($start)
            or state in ('submitted', 'pending', 'initializing')
    )
select
    cluster, namespace, workload_kind, workload, {% for name in told_of_lives %} {{ name }},{% endfor %} found
from listed
order by {{ order_by }} {{ order }} nulls last, cluster, namespace, workload_kind, workload
limit $limit
offset $offset
