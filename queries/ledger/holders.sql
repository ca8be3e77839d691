-- Whose pod each GPU series names, per hour. The pod label is the workload's where Prometheus honours
-- the exporter's labels; where it does not, the workload is in exported_pod, and pod is the exporter's
-- own. The exporter's own pod holds nothing: it is known by the labels of its target or, where nothing
-- tells the target's labels, by requesting no GPU.
with
    seen as (
        select window_start, gpu_series.*
        from (select distinct window_start, series from facts)
        inner join gpu_series using (series)
    ),
    modes as (
        select
            window_start,
            job,
            $honor_labels = 'false' or $honor_labels = 'auto' and bool_or(exported_pod <> '') as renamed
        from seen
        group by all
    ),
    told as (select distinct job, instance, true as is_told from targets),
    own as (select distinct job, instance, namespace, pod, true as is_own from targets),
    requesting as (select distinct namespace, pod, true as is_requesting from requests),
    named as (
        select
            window_start,
            series,
            device,
            job,
            case when renamed then exported_namespace else seen.namespace end as namespace,
            case
                when renamed
                then exported_pod
                when is_told and is_own is null
                then pod
                when is_told is null and (is_requesting or not exists (from node_series))
                then pod
            end as pod
        from seen
        inner join modes using (window_start, job)
        left join told using (job, instance)
        left join own using (job, instance, namespace, pod)
        left join requesting using (namespace, pod)
    )
select
    window_start,
    series,
    device,
    case when pod <> '' then namespace end as namespace,
    nullif(pod, '') as pod,
    coalesce(bool_or(pod <> '') over (partition by window_start, job), false) as carries_labels
from named
