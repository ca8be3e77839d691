-- The names behind each number: what a row of the lake says beside its sums.
select distinct
    identity,
    window_start,
    kind,
    node_pool,
    node,
    gpu_uuid,
    gpu_instance,
    gpu,
    gpu_model,
    gpu_profile,
    namespace,
    pod,
    pod_uid,
    workload,
    workload_kind,
    project,
    "user",
    attribution
from holdings
union all by name
select distinct
    identity,
    window_start,
    kind,
    node_pool,
    coalesce(entity_rows.node, holders.node) as node,
    nullif(namespace, '') as namespace,
    pod,
    uid as pod_uid,
    workload,
    workload_kind,
    coalesce(entity_rows.project, holders.project) as project,
    "user"
from entity_rows
left join holders using (holder)
left join nodes on nodes.node = coalesce(entity_rows.node, holders.node)
union all by name
select 2000000000 + row_number() over (order by window_start) as identity, window_start, 'empty' as kind
from (select unnest(range($start, $until, $hour)) as window_start)
where
    window_start not in (select window_start from holdings)
    and window_start not in (select window_start from entity_rows)
