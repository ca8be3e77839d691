-- How complete an answer is: per cluster the capacity it speaks of, the part of it that was measured,
-- and the hours that were collected.
with ledger as ({{ ledger }})
select
    cluster,
    count(distinct window_start) as hours,
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
group by cluster
order by cluster
