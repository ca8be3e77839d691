-- One row per change of a workload's state in these hours: submitted and pending when its first pod is
-- made, initializing when the first one has a node, running when the first one runs, ended when the last
-- one is over. Pods that follow each other
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
            sum(gpus) filter (scheduled is not null) as scheduled_gpus,
            list_sort(
                list(distinct node) filter (coalesce(started, scheduled) is not null and node <> '')
            ) as nodes,
            list_sort(list_distinct(flatten(list(coalesce(images, []))))) as images,
            min(created) as created,
            bool_and(is_created_known) as is_created_known,
            min(scheduled) as scheduled,
            min(started) as started,
            bool_and(is_start_known) filter (started is not null) as is_start_known,
            case when bool_and(ended is not null) then max(ended) end as ended,
            arg_max(reason, coalesce(ended, 0)) as reason,
            any_value(spoken_since) as spoken_since
        from numbered
        group by namespace, workload, workload_kind, life
    ),
    every_life as (
        select *
        from lives
        union all by name
        select
            workload,
            workload_kind,
            project,
            "user",
            gpus as requested_gpus,
            gpus as allocated_gpus,
            nodes,
            started,
            is_start_known,
            ended
        from job_lives
    ),
    changes as (
        select
            *,
            unnest(
                [
                    {'state':'submitted', 'time': case when is_created_known then created end},
                    {'state':'pending', 'time': case when is_created_known then created end},
                    {'state':'initializing', 'time':scheduled},
                    {'state':'running', 'time': case when is_start_known then started end},
                    {'state':'ended', 'time':ended}
                ]
            ) as change
        from every_life
    ),
    told as (
        select
            *,
            change.state as state,
            change.time as time,
            greatest(
                change.time, case when spoken_since > $start then spoken_since else change.time end
            ) as told_at
        from changes
        where change.time is not null
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
    case when state = 'ended' then reason end as reason,
    requested_gpus,
    case
        when state = 'initializing' then scheduled_gpus when state in ('running', 'ended') then allocated_gpus
    end as allocated_gpus,
    cpu_cores_requested,
    memory_bytes_requested,
    case when state in ('initializing', 'running', 'ended') then nodes end as nodes,
    images,
    owner_kind,
    owner,
    case
        when state = 'initializing' and is_created_known
        then (scheduled - created) / 1000.0
        when state in ('running', 'ended') and is_created_known and is_start_known
        then (started - created) / 1000.0
    end as queue_seconds,
    gpu_model
from told
left join (select node, gpu_model from nodes) as placed_on on placed_on.node = nodes[1]
where told_at >= $start and told_at < $until
order by window_start, time, namespace, workload, state
