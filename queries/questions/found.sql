-- Which clusters, node pools and projects there are, and the first and the last hour that shows them.
select cluster, node_pool, project, min(time) as first_seen, max(time) as last_seen
from ({{ ledger }})
where time >= timestamp_seconds($start) and time < timestamp_seconds($end)
group by cluster, node_pool, project
