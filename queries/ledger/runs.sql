-- Runs of steps in which nothing changed on a node. A step in which something did is a run of its own.
-- Where pods request more than labels show, every step is one, because who holds which device then
-- depends on what the devices did.
with
    hours as (
        select window_start, least(window_start + $hour, $until) as until
        from (select unnest(range($start, $until, $hour)) as window_start)
    ),
    named as (
        select window_start, namespace, pod, sum(weight) as gpus
        from (select distinct window_start, device, namespace, pod from labels where pod is not null)
        inner join devices using (window_start, device)
        group by all
    ),
    running as (
        select distinct window_start, holder
        from facts
        inner join pod_series using (series)
        inner join holders using (namespace, pod, uid)
        where value > 0
    ),
    wanted as (
        select window_start, requested.node, namespace, pod, sum(gpus) as gpus
        from requested
        inner join running using (window_start, holder)
        inner join holders using (holder)
        group by all
    ),
    unnamed as (
        select distinct window_start, node
        from wanted
        inner join (select distinct window_start, node from devices) using (window_start, node)
        left join named using (window_start, namespace, pod)
        where wanted.gpus > coalesce(named.gpus, 0) + 1e-9
    ),
    speakers as (
        select series, node
        from gpu_series
        union all
        select series, node
        from pod_series
        inner join holders using (namespace, pod, uid)
        union all
        select distinct series, devices.node
        from device_series
        inner join device_ids using (device)
        inner join devices using (parent)
    ),
    changes as (
        select window_start, node, unnest([since, until]) as time
        from facts
        inner join speakers using (series)
        union all
        select window_start, node, unnest([since, until])
        from (select distinct window_start, since, until from facts inner join node_series using (series))
        cross join nodes
        union all
        select forgotten - forgotten % $hour, node, forgotten
        from
            (select distinct until + $grace as forgotten from unchanged inner join node_series using (series))
        cross join nodes
        union all
        select
            window_start,
            node,
            unnest([window_start, counted_time + $grace, greatest(counted_time, live_time) + $memory])
        from hours
        cross join nodes
        left join remembered using (node)
        union all
        select window_start, node, unnest(range(window_start, until, $step))
        from unnamed
        inner join hours using (window_start)
        union all
        select distinct window_start, node, unnest([step, step + $step])
        from processes
        inner join devices on devices.device = processes.device and devices.window_start = step - step % $hour
    ),
    cuts as (
        select distinct window_start, node, unnest([floor_to(time, $step), ceil_to(time, $step)]) as start
        from changes
        where time is not null
    ),
    ended as (
        select
            window_start,
            node,
            start,
            lead(start, 1, until) over (partition by window_start, node order by start) as until
        from cuts
        inner join hours using (window_start)
        where start >= window_start and start < until
    )
select row_number() over () as run, *
from ended
