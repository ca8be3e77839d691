-- What workloads hold of GPUs now.
select
    workload_id,
    sum(allocated_gpus) as allocated_gpus,
    sum(idle_gpus) as idle_gpus,
    count(distinct pod) as running_pods,
    array_agg(distinct node_pool) filter (where node_pool is not null) as node_pools,
    min(node_pool) as node_pool
from held_rows
group by workload_id
