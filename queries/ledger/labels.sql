-- Whom each GPU series names, per hour: a pod, or a job of another scheduler. The pod label is the
-- workload's where Prometheus honours the exporter's labels; where it does not, the workload is in
-- exported_pod, and pod is the exporter's own. The exporter's own pod holds nothing: it is known by the
-- labels of its target or, where nothing tells the target's labels, by requesting no GPU.
-- label: one number per name, null where nobody is named.
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
    chosen as (
        select
            window_start,
            series,
            device,
            job,
            names_holders,
            case when renamed then exported_namespace else seen.namespace end as namespace,
            case
                when is_reserved(case when renamed then exported_namespace else seen.namespace end)
                then null
                when renamed
                then nullif(exported_pod, '')
                when is_told and is_own is null
                then nullif(pod, '')
                when is_told is null and (is_requesting or not exists (from node_series where knows_holders))
                then nullif(pod, '')
            end as pod,
            nullif(pod_uid, '') as pod_uid,
            workload,
            workload_kind
        from seen
        inner join modes using (window_start, job)
        left join told using (job, instance)
        left join own using (job, instance, namespace, pod)
        left join requesting using (namespace, pod)
    ),
    named as (
        select
            window_start,
            series,
            device,
            job,
            names_holders,
            case when pod is not null then coalesce(namespace, '') end as namespace,
            pod,
            case when pod is not null then pod_uid end as pod_uid,
            case when pod is null then workload end as workload,
            case when pod is null and workload is not null then workload_kind end as workload_kind
        from chosen
    )
select
    window_start,
    series,
    device,
    case
        when pod is not null or workload is not null
        then dense_rank() over (order by namespace, pod, pod_uid, workload_kind, workload)
    end as label,
    namespace,
    pod,
    pod_uid,
    workload,
    workload_kind,
    bool_or(names_holders or pod is not null or workload is not null) over (
        partition by window_start, job
    ) as carries_labels
from named
