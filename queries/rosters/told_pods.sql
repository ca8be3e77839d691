-- What each hour in which a pod held GPUs tells of it.
select
    cluster,
    coalesce(namespace, '') as namespace,
    pod,
    unix_timestamp(time) as place,
    workload_kind,
    workload,
    project,
    node,
    node_pool,
    time as first_held_at,
    timestamp_seconds(unix_timestamp(time) + elapsed_seconds) as last_held_at
from ({{ rows }}) as every_row
where kind = 'gpu' and pod is not null
