-- Each workload once, by what was told of it last. It makes of rows like its own what it makes of all that
-- those were made of.
select
    last_told.*,
    {{ phase }} as phase,
    coalesce(
        submitted_at,
        timestamp_seconds(cast(floor(unix_timestamp(started_at) - coalesce(queue_seconds, 0)) as bigint)),
        changed_at
    ) as created_at
from
    (
        select
            cluster,
            namespace,
            workload_kind,
            workload,
            max(place) as place,
            arg_max_null(state, place) as state,
            arg_max_null(project, place) as project,
            arg_max_null("user", place) as "user",
            max(changed_at) as changed_at,
            max(submitted_at) as submitted_at,
            max(started_at) as started_at,
            max(ended_at) as ended_at,
            arg_max_null(reason, ended_at) as reason,
            arg_max_null(queue_seconds, started_at) as queue_seconds,
            arg_max_null(requested_gpus, place) as requested_gpus,
            arg_max_null(allocated_gpus, place) as allocated_gpus,
            arg_max_null(cpu_cores_requested, place) as cpu_cores_requested,
            arg_max_null(memory_bytes_requested, place) as memory_bytes_requested,
            arg_max_null(images, place) as images
        from {{ rows }} as told
        group by cluster, namespace, workload_kind, workload
    ) as last_told
