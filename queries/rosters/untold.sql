-- The workloads that hold GPUs, and of which nothing was told.
select
    workload_id as id,
    cluster,
    namespace,
    workload_kind,
    workload,
    'running' as state,
    max(project) as project,
    max("user") as "user"
from held
where workload_id not in (select id from ({{ rows }}) as told)
group by workload_id, cluster, namespace, workload_kind, workload
