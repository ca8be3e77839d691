-- Which projects have workloads, also such as never held a GPU.
select distinct cluster, cast(null as string) as node_pool, project from ({{ changes }})
