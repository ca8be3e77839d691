-- Since when some workloads are known to hold GPUs.
with ledger as ({{ ledger }})
select cluster, namespace, workload_kind, workload, min(time) as changed_at, min(time) as created_at
from
    (
        select cluster, coalesce(namespace, '') as namespace, workload_kind, workload, time
        from ledger
        where
            kind = 'gpu'
            and workload is not null
            and time >= timestamp_seconds($start)
            and time < timestamp_seconds($end)
    ) as held
inner join chosen using (cluster, namespace, workload_kind, workload)
group by cluster, namespace, workload_kind, workload
