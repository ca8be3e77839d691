-- The capacity of each node in each run, in whole GPUs: the larger of its live devices and the
-- scheduler's count. A node that falls silent keeps its capacity for $grace while the scheduler speaks
-- of others, and for $memory while nobody speaks.
with
    live as (select run, sum(weight) as live from present group by run),
    spoken as (
        select since, until, bool_or(knows_holders) as knows_holders
        from facts
        inner join node_series using (series)
        group by all
    ),
    speaking as (
        select run, bool_or(knows_holders) as knows_holders
        from runs
        inner join spoken on spoken.since < runs.until and spoken.until > runs.start
        group by run
    ),
    told as (
        select
            runs.*,
            coalesce(live, 0) as live,
            scheduler.gpus as counted,
            coalesce(seen, 0) as seen,
            speaking.run is not null as is_scheduler_up,
            coalesce(speaking.knows_holders, false) as knows_holders,
            coalesce(is_not_ready, false) as is_not_ready,
            coalesce(is_cordoned, false) as is_cordoned,
            coalesce(is_drained, false) as is_drained
        from runs
        left join live using (run)
        left join scheduler on scheduler.run = runs.run
        left join speaking on speaking.run = runs.run
    ),
    recalled as (
        select
            told.*,
            coalesce(last_value(told.counted ignore nulls) over past, remembered.counted) as last_counted,
            coalesce(last_value(nullif(told.live, 0) ignore nulls) over past, remembered.live) as last_live,
            coalesce(
                max(case when told.counted is not null then until end) over past, counted_time
            ) as last_counted_time,
            coalesce(
                max(case when told.counted is not null or told.live > 0 then until end) over past,
                greatest(counted_time, live_time)
            ) as last_time
        from told
        left join remembered using (node)
        window
            past as (partition by told.node order by start rows between unbounded preceding and current row)
    ),
    judged as (
        select
            *,
            case
                when counted is not null
                then greatest(live, counted)
                when
                    is_scheduler_up
                    and start >= coalesce(last_counted_time, last_time) + $grace
                    or start >= last_time + $memory
                then live
                when live > 0
                then greatest(live, coalesce(last_counted, 0))
                else greatest(coalesce(last_counted, 0), coalesce(last_live, 0))
            end as capacity
        from recalled
    )
select
    run,
    window_start,
    node,
    start,
    until,
    live,
    capacity,
    seen,
    seen > 0 as is_listed,
    knows_holders,
    is_not_ready,
    is_cordoned,
    is_drained
from judged
where capacity > 0
