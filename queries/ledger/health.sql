-- Which devices are known to be faulty in which run: their health check failed, or an error that takes
-- a GPU out of work was counted. Slices share their GPU's fate.
with
    sick as (
        select window_start, parent, since, until
        from facts
        inner join device_series using (series)
        inner join device_ids using (device)
        where value >= device_series.faulty_from
    ),
    sick_gpus as (
        select distinct window_start, parent, devices.node, sick.since, sick.until
        from sick
        inner join devices using (window_start, parent)
    )
select distinct present.run, present.device, true as is_faulty
from sick_gpus
inner join runs using (window_start, node)
inner join present using (run, parent)
where sick_gpus.since < runs.until and sick_gpus.until > runs.start
