-- How many workloads or pods there are.
with held_rows as ({{ held }})
select count(*) as found
from ({% include "described_" ~ of ~ ".sql" %}) as described
{% if conditions %} where {{ conditions | join(" and ") }}{% endif %}
