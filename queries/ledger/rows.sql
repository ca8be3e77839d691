-- All raw rows, in no order. An hour in which the cluster showed nothing says so in one row: every
-- collected hour has rows.
select time - time % $hour as window_start, *
from ({{ gpu_rows }})
union all by name
select * exclude (kind, project, node, holder)
from entity_rows
union all by name
select window_start, identity, window_start as time, 0 as capacity_seconds
from identities
where kind = 'empty'
