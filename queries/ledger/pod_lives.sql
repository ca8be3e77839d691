-- From when to when each pod was there, ran, and how it ended, as far as these hours and their margins
-- show it. Times that the scheduler says are exact; else those of samples stand. A pod that is still
-- there, or of which nobody spoke to the end, has no end.
with
    spoken as (
        select min(since) as since, max(until) as until
        from unchanged
        inner join node_series using (series)
        where knows_holders
    ),
    listed as (
        select
            namespace,
            pod,
            uid,
            min(unchanged.since) as since,
            max(unchanged.until) as until,
            min(unchanged.since) filter (value > 0) as ran_since,
            max(unchanged.until) filter (value > 0) as ran_until
        from unchanged
        inner join pod_series using (series)
        group by all
    ),
    times as (
        select
            namespace,
            pod,
            uid,
            cast(1000 * min(time) filter (what = 'created') as bigint) as created,
            cast(1000 * min(time) filter (what = 'scheduled') as bigint) as scheduled,
            cast(1000 * min(time) filter (what = 'started') as bigint) as started,
            cast(1000 * max(time) filter (what = 'completed') as bigint) as completed
        from pod_times
        where time > 0
        group by all
    ),
    reasons as (select namespace, pod, uid, arg_max(reason, rank) as reason from pod_reasons group by all),
    asked as (
        select
            namespace,
            pod,
            uid,
            sum(amount) filter (resource = 'cpu') as cpu_cores,
            sum(amount) filter (resource = 'memory') as memory_bytes
        from
            (
                select namespace, pod, uid, container, resource, max(amount) as amount
                from pod_requests
                group by all
            )
        group by all
    ),
    images as (
        select namespace, pod, uid, list_sort(list(distinct image)) as images from pod_images group by all
    ),
    placed as (select holder, max(gpus) as gpus from requested group by holder),
    unplaced as (
        select namespace, pod, uid, sum(gpus) as gpus
        from
            (
                select
                    namespace,
                    pod,
                    uid,
                    container,
                    resource,
                    max(whole_gpus(amount, resource, null, 1)) as gpus
                from requests
                group by all
            )
        group by all
    )
select
    holder,
    holders.namespace,
    workload,
    workload_kind,
    owner_kind,
    owner_name,
    project,
    "user",
    pod,
    holders.uid,
    holders.node,
    coalesce(placed.gpus, unplaced.gpus) as gpus,
    cpu_cores,
    memory_bytes,
    images,
    coalesce(times.created, listed.since) as created,
    times.scheduled,
    coalesce(case when ran_since is not null then times.started end, ran_since) as started,
    case
        when completed is not null or reasons.reason is not null
        then coalesce(completed, ran_until, listed.since)
        when listed.until < spoken.until
        then listed.until
    end as ended,
    coalesce(reasons.reason, 'Deleted') as reason,
    times.created is not null or listed.since > spoken.since as is_created_known,
    times.started is not null or ran_since > spoken.since as is_start_known,
    spoken.since as spoken_since
from listed
inner join holders using (namespace, pod, uid)
inner join unplaced using (namespace, pod, uid)
left join placed using (holder)
cross join spoken
left join times using (namespace, pod, uid)
left join reasons using (namespace, pod, uid)
left join asked using (namespace, pod, uid)
left join images using (namespace, pod, uid)
