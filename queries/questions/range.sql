-- Metrics over time, by any dimensions: one row per step and group; or in the newest step of each
-- cluster alone.
with ledger as ({{ ledger }}), picked as ({{ picked }})
select *
from ({{ answered }}) as answered
order by {{ order }}
