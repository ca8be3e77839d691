-- The steps of which anything was collected, of any cluster.
with ledger as ({{ ledger }}), picked as ({{ picked }})
select {{ "max(time)" if is_newest else "bucket" }} as time
from picked
{% if not is_newest %} group by bucket {% endif %}
order by time
