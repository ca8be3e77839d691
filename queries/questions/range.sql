-- Metrics over time, by any dimensions: one row per step and group; or in the newest step of each
-- cluster alone.
with
    ledger as ({{ ledger }}),
    picked as ({{ picked }})
    {% if has_steps %}
        , steps as (select distinct cluster, bucket, time, elapsed_seconds, layer from picked)
    {% endif %}
select *
from ({{ answered }}) as answered
order by {{ order }}
