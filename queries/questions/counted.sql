-- How many samples Prometheus had of each hour when it was last counted.
select hour, max_by(samples, started_at) as samples
from
    (
        select started_at, unix_timestamp(counted_hour.hour) as hour, counted_hour.samples as samples
        from (select started_at, explode(counted) as counted_hour from ({{ collections }})) as exploded
    ) as counts
where hour >= $start and hour < $end
group by hour
