-- When each node of some rows was seen first.
select cluster, node, min(time) as time
from ({{ rows }}) as every_row
where node is not null
group by cluster, node
