-- A page of a list of workloads or pods.
with held_rows as ({{ held }})
select *
from ({% include "described_" ~ of ~ ".sql" %}) as described
{% if conditions %} where {{ conditions | join(" and ") }}{% endif %}
order by {{ order }}
limit $limit
offset $offset
