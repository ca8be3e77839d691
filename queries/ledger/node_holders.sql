-- Which pod holds which share of a device, known for the node only: what running pods request beyond
-- the devices that labels gave them, laid on the node's unlabelled devices of the class they request,
-- busiest first; what is left over, on the part of the node's capacity that no device stands for. It is
-- certain where one pod holds every unlabelled device of the node.
with
    placed as (select run, holder, class, sum(f * weight) as gpus from label_holders group by all),
    remaining as (
        select
            running.*,
            class,
            requested.gpus - coalesce(placed.gpus, 0) as gpus,
            requested.gpus * running - coalesce(placed.gpus, 0) as wanted
        from running
        inner join runs using (run, node)
        inner join requested using (window_start, holder)
        left join placed using (run, holder, class)
        where requested.gpus * running - coalesce(placed.gpus, 0) > 1e-9
    ),
    crowded as (select run, count(distinct holder) as pods, sum(gpus) as gpus from remaining group by run),
    unlabelled as (
        select slots.*
        from slots
        inner join crowded using (run)
        anti join label_holders using (run, device)
        where class <> 'uncut'
    ),
    worked as (
        select run, unlabelled.device, avg(u) as u
        from unlabelled
        inner join runs using (run)
        inner join gauges on gauges.device = unlabelled.device and step >= runs.start and step < runs.until
        group by all
    ),
    room as (select run, sum(weight) as gpus from unlabelled group by run),
    pod_line as (
        select *, sum(wanted) over line - wanted as low, sum(wanted) over line as high
        from remaining
        window line as (partition by run, class order by holder)
    ),
    device_line as (
        select unlabelled.*, sum(weight) over line - weight as low, sum(weight) over line as high
        from unlabelled
        left join worked using (run, device)
        where class <> 'anonymous'
        window line as (partition by unlabelled.run, class order by u desc nulls last, gpu_uuid, gpu_instance)
    ),
    on_devices as (
        select
            pod_line.*,
            device,
            weight,
            least(pod_line.high, device_line.high) - greatest(pod_line.low, device_line.low) as laid
        from pod_line
        inner join device_line using (run, class)
        where device_line.low < pod_line.high and pod_line.low < device_line.high
    ),
    left_over as (
        select remaining.* exclude (wanted), wanted - coalesce(laid, 0) as wanted
        from remaining
        left join
            (select run, holder, class, sum(laid) as laid from on_devices group by all) using (
                run, holder, class
            )
        where wanted - coalesce(laid, 0) > 1e-9
    ),
    left_line as (
        select *, sum(wanted) over line - wanted as low, sum(wanted) over line as high
        from left_over
        window line as (partition by run order by holder, class)
    ),
    on_anonymous as (
        select left_line.*, device, weight, least(high, weight) - low as laid
        from left_line
        inner join unlabelled using (run)
        where unlabelled.class = 'anonymous' and low < weight
    ),
    laid as (
        select run, node, holder, device, weight, laid
        from on_devices
        union all
        select run, node, holder, device, weight, laid
        from on_anonymous
    )
select
    run,
    node,
    device,
    holder,
    sum(laid) / any_value(weight) as f,
    any_value(crowded.pods = 1 and crowded.gpus >= room.gpus - 1e-9) as is_certain
from laid
inner join crowded using (run)
inner join room using (run)
where laid > 1e-9
group by run, node, device, holder
