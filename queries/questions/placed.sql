-- Which pool each node was in last.
with ledger as ({{ ledger }})
select cluster, node, max_by(node_pool, time) as node_pool
from ledger
where node is not null and time >= timestamp_seconds($start) and time < timestamp_seconds($end)
group by cluster, node
