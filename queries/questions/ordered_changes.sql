-- The changes of workloads' states until the end of the window, each with when it was made, and when the next
-- one of its workload was.
select
    everything.*,
    unix_timestamp(time) as since,
    lead(unix_timestamp(time)) over (
        partition by cluster, coalesce(namespace, ''), workload_kind, workload
        order by {% include "place_of_change.sql" %}
    ) as changed
from changes as everything
where time < timestamp_seconds($end) {% for condition in own_conditions %} and {{ condition }}{% endfor %}
