-- The workloads that a scope shows, as a list tells of them. Of one that was started anew, its latest life.
select
    lived.*,
    {% if "known" in joined %}
        case
            when state in ('submitted', 'pending')
            then unix_timestamp(known_until) - unix_timestamp(submitted_at)
            when state = 'initializing'
            then unix_timestamp(changed_at) - unix_timestamp(submitted_at)
            when started_at is not null
            then floor(queue_seconds)
            when never_ran
            then unix_timestamp(ended_at) - unix_timestamp(submitted_at)
        end as pending_seconds,
        case
            when state in ('submitted', 'pending', 'initializing') or never_ran
            then 0
            else unix_timestamp(coalesce(ended_at, known_until)) - unix_timestamp(started_at)
        end as running_seconds,
    {% endif %}
    case when phase in ('Completed', 'Failed') then ended_at end as completed_at,
    case when phase = 'Stopped' then ended_at end as deleted_at
from
    (
        select
            told.id,
            told.number,
            told.cluster,
            namespace,
            workload as name,
            workload_kind as type,
            {{ category }} as category,
            {{ framework }} as distributed_framework,
            told.project,
            {% if "homes" in joined %} cluster_id, project_id, department, department_id,{% endif %}
            "user",
            state,
            reason,
            images,
            requested_gpus,
            cpu_cores_requested,
            memory_bytes_requested,
            queue_seconds,
            {% if "known" in joined %} known_until,{% endif %}
            submitted_at,
            case
                when state in ('running', 'ended') and (submitted_at is null or started_at >= submitted_at)
                then started_at
            end as started_at,
            case when state = 'ended' then ended_at end as ended_at,
            state = 'ended' and told.allocated_gpus is null and submitted_at is not null as never_ran,
            created_at,
            changed_at,
            phase,
            {% if "held" in joined %}
                coalesce(
                    held.allocated_gpus,
                    case when state = 'initializing' then told.allocated_gpus end,
                    case when is_known_now or state = 'ended' then 0.0 end
                ) as allocated_gpus,
                coalesce(held.idle_gpus, case when is_known_now or state = 'ended' then 0.0 end) as idle_gpus,
                coalesce(running_pods, 0) as running_pods,
                node_pools,
                node_pool,
            {% endif %}
            cast(null as double) as priority,
            cast(null as string) as unknown_text,
            cast(null as timestamp) as unknown_time
        from ({{ rows }}) as told
        {% if "homes" in joined %}
            inner join
                ({{ homes }}) as homes
                on homes.cluster = told.cluster
                and homes.project is not distinct from told.project
        {% endif %}
        {% if "known" in joined %} left join known on known.cluster = told.cluster{% endif %}
        {% if "held" in joined %}
            left join ({% include "held_by_workloads.sql" %}) as held on held.workload_id = told.id
        {% endif %}
    ) as lived
