-- Raw rows of the lake as the booking has them: times in Unix milliseconds, and a number for what a row
-- speaks of.
select
    dense_rank() over (order by window_start, {{ names | join(", ") }}) as identity,
    * replace (epoch_ms(window_start) as window_start, epoch_ms("time") as "time")
from raw
