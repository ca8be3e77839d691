-- Workloads: what each held, how it was used and what of that was wasted, and in which state it is; also
-- those that only waited.
with
    holdings as ({% include "holdings.sql" %}),
    totals as (
        select
            cluster,
            coalesce(namespace, '') as namespace,
            workload_kind,
            workload,
            max(project) as project,
            max("user") as "user",
            count(distinct pod) as pods,
            count(distinct node || '/' || coalesce(gpu, '')) as gpus,
            {% for column in held_columns %} sum({{ column }}_seconds) as {{ column }}_seconds,{% endfor %}
            sum(busy_seconds + idle_seconds + held_seconds) as allocated_seconds,
            sum(energy_joules) as energy_joules,
            {% include "evidence.sql" %},
            {% for class in classes %} sum({{ class }}_seconds) as {{ class }}_seconds,{% endfor %}
            sum(
                {% for class in classes %}{{ class }}_seconds{{ " + " if not loop.last }}{% endfor %}
            ) as wasted_seconds
        from holdings
        group by cluster, coalesce(namespace, ''), workload_kind, workload
    ),
    lives as (
        {% if is_listed_first %}
            select
                cluster,
                namespace,
                workload_kind,
                workload
                {% for name in told_of_lives %}, {{ name }}{% endfor %}
            from chosen
        {% else %}{% include "lives.sql" %}
        {% endif %}
    )
select
    cluster,
    coalesce(project, known_project) as project,
    coalesce("user", known_user) as "user",
    nullif(namespace, '') as namespace,
    workload_kind,
    workload,
    {{ workload_type }} as workload_type,
    coalesce(allocated_seconds, 0) / 3600 as allocated_gpu_hours,
    {% for column in held_columns %}
        coalesce({{ column }}_seconds, 0) / 3600 as {{ column }}_gpu_hours,
    {% endfor %}
    coalesce(wasted_seconds, 0) / 3600 as wasted_gpu_hours,
    case
        {% for class in classes %}
            when
                {{ class }}_seconds > 0
                and {{ class }}_seconds >= greatest(
                    {% for other in classes %}{{ other }}_seconds{{ ", " if not loop.last }}{% endfor %}
                )
            then '{{ class }}'
        {% endfor %}
    end as waste_class,
    1 - wasted_seconds / nullif(allocated_seconds, 0) as efficiency_ratio,
    busy_seconds / nullif(busy_seconds + idle_seconds, 0) as gpu_utilization_ratio,
    gpu_utilization_ratio_max,
    gpu_memory_used_bytes_max,
    gpu_memory_utilization_ratio_max,
    gpu_power_watts,
    energy_joules,
    coalesce(gpus, 0) as gpus,
    coalesce(pods, 0) as pods,
    requested_gpus,
    state,
    submitted_at,
    case
        when last_started_at >= coalesce(submitted_at, last_started_at) then last_started_at
    end as started_at,
    case when state = 'ended' then last_ended_at end as ended_at,
    case when state = 'ended' then last_reason end as end_reason,
    case
        when last_started_at >= coalesce(submitted_at, last_started_at) then last_queue_seconds
    end as queue_seconds,
    coalesce(starts, 0) as starts,
    held_since,
    held_until,
    first_activity,
    last_activity,
    count(*) over () as found
from totals {{ "full" if is_told_of_changes else "left" }}
join lives using (cluster, namespace, workload_kind, workload)
where
    allocated_seconds is not null
    or changed_at >= timestamp_seconds($start)
    or state in ('submitted', 'pending', 'initializing')
order by {{ order_by }} {{ order }} nulls last, cluster, namespace, workload_kind, workload
limit $limit
offset $offset
