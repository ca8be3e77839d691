-- How many samples Prometheus had of each hour when it was last counted.
select hour, max_by(samples, started_at) as samples
from
    (
        select started_at, epoch(counted_hour.hour) as hour, counted_hour.samples as samples
        from (select started_at, unnest(counted) as counted_hour from ({{ collections }}))
    )
where hour >= $start and hour < $end
group by hour
