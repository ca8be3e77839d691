-- Which clusters give which projects a quota of GPUs in some time, and from when in it on.
with ledger as ({{ ledger }})
select cluster as of_cluster, project as of_project, min(time) as of_since
from ledger
where
    kind = 'project'
    and gpus_quota_seconds > 0
    and time >= timestamp_seconds($start)
    and time < timestamp_seconds($end)
group by cluster, project
