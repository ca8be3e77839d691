-- The pods that a scope shows, as a list tells of them. Where a cluster is late, those run that did when it
-- was collected last.
select
    placed.*
    {% if is_told_of_held %}
        ,
        case when not is_running then last_held_at end as completed_at,
        case when is_running then node_pool end as current_node_pool
    {% endif %}
from
    (
        select
            told.id,
            told.number,
            told.cluster,
            cluster_id,
            told.namespace,
            told.pod as name,
            told.workload,
            told.workload_kind,
            told.workload_id,
            told.project,
            project_id,
            department,
            department_id,
            told.node,
            told.node_pool,
            created_at,
            last_held_at,
            {% if is_told_of_held %}
                coalesce(
                    held.pod_id is not null
                    or (
                        not is_known_now
                        and unix_timestamp(last_held_at) >= unix_timestamp(known_until) - $late
                    ),
                    false
                ) as is_running,
                allocated_gpus,
            {% endif %}
            cast(null as string) as unknown_text,
            cast(null as timestamp) as unknown_time
        from ({{ rows }}) as told
        inner join
            ({{ homes }}) as homes
            on homes.cluster = told.cluster
            and homes.project is not distinct from told.project
        left join known on known.cluster = told.cluster
        {% if is_told_of_held %}
            left join
                (
                    select pod_id, sum(allocated_gpus) as allocated_gpus
                    from held_rows
                    where pod_id is not null
                    group by pod_id
                ) as held
                on held.pod_id = told.id
        {% endif %}
    ) as placed
