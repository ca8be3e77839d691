-- The pods that a scope shows, as a list tells of them. Where a cluster is late, those run that did when it
-- was collected last.
select
    placed.*,
    case when not is_running then last_held_at end as completed_at,
    case when is_running then node_pool end as current_node_pool
from
    (
        select
            told.id,
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
            first_held_at as created_at,
            last_held_at,
            coalesce(
                held.pod_id is not null
                or (not is_known_now and unix_timestamp(last_held_at) >= unix_timestamp(known_until) - $late),
                false
            ) as is_running,
            allocated_gpus,
            cast(null as string) as unknown_text,
            cast(null as timestamp) as unknown_time
        from ({{ rows }}) as told
        inner join
            ({{ homes }}) as homes
            on homes.cluster = told.cluster
            and homes.project is not distinct from told.project
        left join known on known.cluster = told.cluster
        left join
            (
                select pod_id, sum(allocated_gpus) as allocated_gpus
                from held_rows
                where pod_id is not null
                group by pod_id
            ) as held
            on held.pod_id = told.id
    ) as placed
