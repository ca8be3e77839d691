-- What said the same without a gap, by hour.
select
    window_start,
    series,
    greatest(since, window_start) as since,
    least(until, window_start + $hour) as until,
    value
from unchanged
inner join
    (select unnest(range($start, $end, $hour)) as window_start)
    on since < window_start + $hour
    and until > window_start
