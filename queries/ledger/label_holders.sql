-- Who holds which share of a device, by the exporter's labels. A pod's label counts only while it runs,
-- where the scheduler is up to say so; of several pods of one name, the one that ran counts. A pod that
-- requests less than the device holds what it requests, another an equal part; where the exporter told
-- each holder's own work, that and an equal part of the rest.
with
    names as (select distinct label, namespace, pod, pod_uid, workload, workload_kind from labels),
    candidates as (
        select label, holder, is_job, names.pod_uid is not distinct from uid as is_exact
        from names
        inner join
            holders
            on is_job = (names.pod is null)
            and case when is_job then holders.workload else holders.pod end
            = coalesce(names.pod, names.workload)
            and case when is_job then holders.workload_kind else holders.namespace end
            = case when names.pod is null then names.workload_kind else names.namespace end
    ),
    wanted as (select window_start, holder, sum(gpus) as gpus from requested group by all),
    candidate_shares as (
        select
            slots.run,
            slots.window_start,
            slots.node,
            device,
            class,
            weight,
            label,
            candidates.holder,
            case
                when is_job or not knows_holders then share else least(share, coalesce(running, 0))
            end as time_share,
            row_number() over (
                partition by slots.run, device, label
                order by is_exact desc, running desc nulls last, candidates.holder
            ) as place
        from labelled
        inner join slots using (run, device)
        inner join capacity using (run)
        inner join candidates using (label)
        left join running on running.run = slots.run and running.holder = candidates.holder
    ),
    per_holder as (
        select
            candidate_shares.* exclude (label, time_share, place),
            max(time_share) as time_share,
            max(own_work) as own_work
        from candidate_shares
        left join own_work using (run, device, label)
        where place = 1 and time_share > 0
        group by all
    ),
    counted as (
        select
            *,
            greatest(1, sum(time_share) over (partition by run, device)) as holders,
            count(*) over (partition by run, device) > 1 as is_shared
        from per_holder
    ),
    shares as (
        select
            counted.*,
            own_work is not null as is_told,
            case
                when own_work is not null
                then own_work + greatest(0, 1 - sum(own_work) over (partition by run, device)) / holders
                when gpus / weight < 1 - 1e-9
                then time_share * gpus / weight
                else time_share / holders
            end as f
        from counted
        left join wanted using (window_start, holder)
    )
select
    run,
    node,
    device,
    class,
    weight,
    holder,
    is_shared and not is_told as is_estimated,
    f / greatest(1, sum(f) over (partition by run, device)) as f
from shares
