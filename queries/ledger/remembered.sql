-- The last that was known of each node before the first hour: the scheduler's count and the devices, in
-- whole GPUs (one that MIG cut is one, whatever its instances are), and until when.
with
    before as (
        select series, max(ceil_to(least(until, $start), $step)) as time, arg_max(value, since) as value
        from unchanged
        where since < $start
        group by series
    ),
    counts as (
        select node, resource, time, value, max(time) over (partition by node) as newest
        from before
        inner join node_series using (series)
        where fact = 'gpus'
    ),
    resources as (
        select node, resource, max(value) as amount, any_value(newest) as time
        from counts
        where time > newest - $margin
        group by node, resource
    ),
    counted as (
        select
            node,
            sum(whole_gpus(amount, resource, gpu_model, plain_gpu)) as counted,
            any_value(time) as counted_time
        from resources
        inner join units using (node)
        where window_start = $start
        group by node
    ),
    gpus as (
        select node, parent, max(time) as time
        from before
        inner join gpu_series using (series)
        inner join device_ids using (device)
        group by node, parent
    ),
    newest_gpus as (select *, max(time) over (partition by node) as newest from gpus),
    seen as (
        select node, count(*) as live, any_value(newest) as live_time
        from newest_gpus
        where time > newest - $margin
        group by node
    )
select node, counted, counted_time, live, live_time
from counted
full join seen using (node)
