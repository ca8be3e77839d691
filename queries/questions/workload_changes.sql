-- The changes of one workload's state, of its latest life.
select time, state, reason, {% include "phase.sql" %} as phase, {% include "place_of_change.sql" %} as place
from ({{ changes }}) as every_change
where
    cluster = $cluster
    and coalesce(namespace, '') = $namespace
    and workload_kind = $workload_kind
    and workload = $workload
    and time >= $since
order by place {{ order }}
limit $limit
offset $offset
