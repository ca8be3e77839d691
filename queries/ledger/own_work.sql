-- What each holder of a shared device did of its own, where the exporter tells the processes apart. Such
-- a step is a run of its own.
select run, processes.device, label, greatest(0, least(1, max(processes.u))) as own_work
from processes
inner join labels using (series)
inner join devices on devices.window_start = labels.window_start and devices.device = processes.device
inner join
    runs
    on runs.window_start = devices.window_start
    and runs.node = devices.node
    and runs.start = processes.step
where label is not null
group by run, processes.device, label
