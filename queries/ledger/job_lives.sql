-- From when to when GPUs named each job of another scheduler, as far as these hours and their margins
-- show it. A job whose name goes out while its GPUs still speak has ended.
with
    stood as (
        select workload, workload_kind, gpu_series.device, node, unchanged.since, unchanged.until
        from unchanged
        inner join gpu_series using (series)
        where workload is not null
    ),
    spoken as (
        select device, min(unchanged.since) as since, max(unchanged.until) as until
        from unchanged
        inner join gpu_series using (series)
        group by device
    )
select
    holder,
    workload,
    workload_kind,
    project,
    "user",
    list_sort(list(distinct stood.node)) as nodes,
    count(distinct device) as gpus,
    min(stood.since) as started,
    case when max(stood.until) < max(spoken.until) then max(stood.until) end as ended,
    min(stood.since) > min(spoken.since) as is_start_known
from stood
inner join spoken using (device)
inner join holders using (workload, workload_kind)
where is_job
group by holder, workload, workload_kind, project, "user"
