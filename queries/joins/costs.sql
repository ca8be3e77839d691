-- The ledger with what the GPU-time of each row cost, where it has a price.
select
    rated.*,
    {% for amount in amounts %}
        ({{ amount.seconds }}) / 3600 * per_gpu_hour as {{ amount.name }}_cost,
    {% endfor %}
    cast($currency as varchar(3)) as currency
from ({{ ledger }}) as rated
