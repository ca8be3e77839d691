-- How many workloads or pods there are.
with held_rows as ({{ held }})
select count(*) as found
from ({% with joined = asked_of %}{% include "described_" ~ of ~ ".sql" %}{% endwith %}) as described
{% if conditions %} where {{ conditions | join(" and ") }}{% endif %}
