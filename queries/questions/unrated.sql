-- What an answer cannot rate: per cluster and GPU model the GPU-time without a price, and the energy of
-- which nobody says what carbon it stands for.
with ledger as ({{ ledger }})
select
    cluster,
    gpu_model,
    sum(case when per_gpu_hour is null then capacity_seconds else 0 end) / 3600 as unpriced_gpu_hours,
    sum(case when grams_per_kwh is null then energy_joules else 0 end) / 3.6e6 as unrated_kwh
from ledger
where
    kind = 'gpu' and time >= timestamp_seconds($start) and time < timestamp_seconds($end)
    {% for condition in conditions %} and {{ condition }}{% endfor %}
group by cluster, gpu_model
order by gpu_model, cluster
