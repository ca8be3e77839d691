-- Which clusters, node pools and projects there are.
select distinct cluster, node_pool, project
from ({{ ledger }})
where time >= timestamp_seconds($start) and time < timestamp_seconds($end)
