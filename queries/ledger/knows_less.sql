-- The times of which a new reading knows less than the lake: GPU-seconds that are not booked as unknown, or
-- those whose utilization was measured, are fewer than before.
select
    time,
    sum(case when is_new then 0 else capacity_seconds - unknown_seconds end) as known_before,
    sum(case when is_new then capacity_seconds - unknown_seconds else 0 end) as known_now,
    sum(case when is_new then 0 else measured_seconds end) as measured_before,
    sum(case when is_new then measured_seconds else 0 end) as measured_now
from
    (
        select false as is_new, time, kind, capacity_seconds, unknown_seconds, measured_seconds
        from ({{ lake }})
        union all
        select true as is_new, time, kind, capacity_seconds, unknown_seconds, measured_seconds
        from ({{ reading }})
    )
where kind = 'gpu'
group by time
having known_now < known_before * $enough or measured_now < measured_before * $enough
order by time
