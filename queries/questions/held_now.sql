-- What is held of GPUs in the newest step of each cluster.
with
    ledger as ({{ ledger }}),
    newest as (
        select cluster, max(time) as time
        from ledger
        where time >= timestamp_seconds($start) and time < timestamp_seconds($end)
        group by cluster
    )
select
    cluster,
    namespace,
    workload_kind,
    workload,
    pod,
    project,
    "user",
    node,
    node_pool,
    {{ workload_id }} as workload_id,
    {{ pod_id }} as pod_id,
    allocated_gpus,
    idle_gpus
from
    (
        select
            cluster,
            coalesce(namespace, '') as namespace,
            workload_kind,
            workload,
            pod,
            project,
            max("user") as "user",
            node,
            node_pool,
            sum(busy_seconds + idle_seconds + held_seconds) / max(elapsed_seconds) as allocated_gpus,
            sum(idle_seconds) / max(elapsed_seconds) as idle_gpus
        from ledger
        inner join newest using (cluster, time)
        where kind = 'gpu' and workload is not null
        group by cluster, coalesce(namespace, ''), workload_kind, workload, pod, project, node, node_pool
    ) as held
