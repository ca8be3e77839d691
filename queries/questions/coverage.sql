-- How complete an answer is: per cluster the capacity it speaks of, the part of it that was measured,
-- and the hours that were collected.
with
    ledger as ({{ ledger }}),
    collected as (
        select
            cluster,
            window_start,
            sum(
                case
                    when kind = 'gpu'{% for condition in conditions %} and {{ condition }}{% endfor %}
                    then capacity_seconds
                end
            ) as capacity_seconds,
            sum(
                case
                    when kind = 'gpu'{% for condition in conditions %} and {{ condition }}{% endfor %}
                    then measured_seconds
                end
            ) as measured_seconds
        from ledger
        where time >= timestamp_seconds($start) and time < timestamp_seconds($end)
        group by cluster, window_start
    )
select
    cluster,
    count(*) as hours,
    sum(capacity_seconds) as capacity_seconds,
    sum(measured_seconds) as measured_seconds
from collected
group by cluster
order by cluster
