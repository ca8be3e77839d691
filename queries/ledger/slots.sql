-- The slots of each run that capacity is booked on: each device, and for each node the part of its
-- capacity that no device stands for, which has the node's number below all devices.
with
    seen as (select run, device, bool_or(carries_labels) as carries_labels from labelled group by run, device)
select present.*, seen.run is not null as is_seen, coalesce(carries_labels, false) as carries_labels
from present
left join seen using (run, device)
union all by name
select
    run,
    window_start,
    node,
    -1000000000 - number as device,
    'anonymous' as class,
    capacity - live as weight,
    false as has_graphics_engine,
    false as is_seen,
    false as carries_labels
from capacity
inner join nodes using (node)
where capacity - live > 1e-9
