-- What each change of a workload's state tells of it.
select
    cluster,
    coalesce(namespace, '') as namespace,
    workload_kind,
    workload,
    {{ place_of_change }} as place,
    state,
    project,
    "user",
    time as changed_at,
    case when state = 'submitted' then time end as submitted_at,
    case when state = 'running' then time end as started_at,
    case when state = 'ended' then time end as ended_at,
    case when state = 'ended' then reason end as reason,
    case when state = 'running' then queue_seconds end as queue_seconds,
    requested_gpus,
    allocated_gpus,
    cpu_cores_requested,
    memory_bytes_requested,
    images
from ({{ rows }}) as every_change
