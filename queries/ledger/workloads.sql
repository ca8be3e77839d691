-- One row per change of a workload's state in these hours: submitted and pending when its first pod is
-- made, running when the first one runs, ended when the last one is over. Pods that follow each other
-- within $margin are one life of it. What changed while nobody spoke is told when somebody speaks again.
with
    placed as (
        select
            *,
            max(coalesce(ended, 1e18)) over (
                partition by namespace, workload_kind, workload
                order by created, pod
                rows between unbounded preceding and 1 preceding
            ) as ended_before
        from pod_lives
    ),
    numbered as (
        select
            *,
            sum(case when created > ended_before + $margin then 1 else 0 end) over (
                partition by namespace, workload_kind, workload order by created, pod
            ) as life
        from placed
    ),
    lives as (
        select
            namespace,
            workload,
            workload_kind,
            case when count(*) = 1 then any_value(uid) end as uid,
            any_value(owner_kind) as owner_kind,
            any_value(owner_name) as owner,
            any_value(project) as project,
            any_value("user") as "user",
            sum(gpus) as requested_gpus,
            sum(gpus) filter (started is not null) as allocated_gpus,
            sum(cpu_cores) as cpu_cores_requested,
            sum(memory_bytes) as memory_bytes_requested,
            list_sort(list(distinct node) filter (started is not null and node <> '')) as nodes,
            list_sort(list_distinct(flatten(list(coalesce(images, []))))) as images,
            min(created) as created,
            bool_and(is_created_known) as is_created_known,
            min(started) as started,
            bool_and(is_start_known) filter (started is not null) as is_start_known,
            case when bool_and(ended is not null) then max(ended) end as ended,
            arg_max(reason, coalesce(ended, 0)) as reason,
            any_value(spoken_since) as spoken_since
        from numbered
        group by namespace, workload, workload_kind, life
    ),
    changes as (
        select *, 'submitted' as state, created as time, null as why
        from lives
        where is_created_known
        union all by name
        select *, 'pending' as state, created as time, null as why
        from lives
        where is_created_known
        union all by name
        select *, 'running' as state, started as time, null as why
        from lives
        where is_start_known
        union all by name
        select *, 'ended' as state, ended as time, reason as why
        from lives
        where ended is not null
        union all by name
        select
            workload,
            workload_kind,
            project,
            "user",
            gpus as requested_gpus,
            gpus as allocated_gpus,
            nodes,
            'running' as state,
            started as time,
            started as spoken_since
        from job_lives
        where is_start_known
        union all by name
        select
            workload,
            workload_kind,
            project,
            "user",
            gpus as requested_gpus,
            gpus as allocated_gpus,
            nodes,
            'ended' as state,
            ended as time,
            ended as spoken_since
        from job_lives
        where ended is not null
    ),
    told as (
        select *, greatest(time, case when spoken_since > $start then spoken_since else time end) as told_at
        from changes
    )
select
    told_at - told_at % $hour as window_start,
    time,
    nullif(namespace, '') as namespace,
    workload,
    workload_kind,
    uid,
    project,
    "user",
    state,
    why as reason,
    requested_gpus,
    case when state in ('running', 'ended') then allocated_gpus end as allocated_gpus,
    cpu_cores_requested,
    memory_bytes_requested,
    case when state in ('running', 'ended') then nodes end as nodes,
    images,
    owner_kind,
    owner,
    case
        when state in ('running', 'ended') and is_created_known and is_start_known
        then (started - created) / 1000.0
    end as queue_seconds,
    gpu_model
from told
left join (select node, gpu_model from nodes) as placed_on on placed_on.node = nodes[1]
where told_at >= $start and told_at < $until
order by window_start, time, namespace, workload, state
