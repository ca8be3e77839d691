-- Which clusters give which projects a quota of GPUs in some time.
with ledger as ({{ ledger }})
select distinct cluster as of_cluster, project as of_project
from ledger
where
    kind = 'project'
    and gpus_quota_seconds > 0
    and time >= timestamp_seconds($start)
    and time < timestamp_seconds($end)
