-- The run of a collector that read an hour of a cluster at a time (its revision, Unix seconds).
select kind, started_at, duration_seconds, samples_read, warnings
from ({{ runs }})
where
    cluster = $cluster
    and success
    and unix_timestamp(window_start) <= $hour
    and unix_timestamp(window_end) > $hour
    and unix_timestamp(started_at) <= $revision
    and unix_timestamp(started_at) + duration_seconds + 1 >= $revision
order by started_at desc
limit 1
