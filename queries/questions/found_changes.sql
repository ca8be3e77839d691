-- Which projects have workloads, also such as never held a GPU, and since and until when.
select
    cluster,
    cast(null as string) as node_pool,
    project,
    min(window_start) as first_seen,
    max(window_start) as last_seen
from ({{ changes }})
group by cluster, project
