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
select distinct identity, window_start, 'project' as kind, project
from project_rows
union all by name
select 2000000000 + row_number() over (order by window_start) as identity, window_start, 'empty' as kind
from (select unnest(range($start, $until, $hour)) as window_start)
where
    window_start not in (select window_start from holdings)
    and window_start not in (select window_start from project_rows)
