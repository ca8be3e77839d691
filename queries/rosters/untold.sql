-- The workloads that hold GPUs, and of which nothing was told.
select
    -1000000000 - row_number() over (order by workload_id) as number,
    workload_id as id,
    cluster,
    namespace,
    workload_kind,
    workload,
    'running' as state,
    'Running' as phase,
    max(project) as project,
    max("user") as "user"
from held
where workload_id not in (select id from ({{ rows }}) as told)
group by workload_id, cluster, namespace, workload_kind, workload
