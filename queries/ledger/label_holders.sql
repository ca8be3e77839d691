-- Which pod holds which share of a device, by the exporter's labels. A label counts only while its pod
-- runs, where the scheduler is up to say so. A pod that requests less than the device holds what it
-- requests, another an equal part.
with
    alive as (
        select running.run, namespace, pod, arg_max(uid, running) as uid, max(running) as running
        from running
        group by all
    ),
    wanted as (select window_start, uid, sum(gpus) as gpus from requested group by all),
    named as (
        select
            slots.run,
            slots.window_start,
            slots.node,
            device,
            class,
            weight,
            labelled.namespace,
            labelled.pod,
            alive.uid,
            case when is_scheduler_up then least(share, coalesce(running, 0)) else share end as time_share
        from labelled
        inner join slots using (run, device)
        inner join capacity using (run)
        left join
            alive
            on alive.run = slots.run
            and alive.namespace = labelled.namespace
            and alive.pod = labelled.pod
        where labelled.pod is not null
    ),
    counted as (
        select *, greatest(1, sum(time_share) over (partition by run, device)) as holders
        from named
        where time_share > 0
    ),
    shares as (
        select
            counted.*,
            time_share * case when gpus / weight < 1 - 1e-9 then gpus / weight else 1 / holders end as f
        from counted
        left join wanted using (window_start, uid)
    )
select
    run,
    node,
    device,
    class,
    weight,
    namespace,
    pod,
    uid,
    f / greatest(1, sum(f) over (partition by run, device)) as f
from shares
