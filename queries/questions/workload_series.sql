-- One workload over time, by its pods or GPUs: one row per step and group.
with
    ledger as ({{ ledger }}),
    picked as (
        select
            *,
            coalesce(pod, workload) as pod_key,
            {{ gpu }} as gpu_key,
            timestamp_seconds(unix_timestamp(time) - unix_timestamp(time) % $step) as bucket
        from ledger
        where
            kind = 'gpu'
            and cluster = $cluster
            and coalesce(namespace, '') = $namespace
            and workload_kind = $workload_kind
            and workload = $workload
            and time >= timestamp_seconds($start)
            and time < timestamp_seconds($end)
            {% for condition in conditions %} and {{ condition }}{% endfor %}
    )
select
    bucket as time,
    {% for column, sql in keys.items() %} {{ sql }} as {{ column }},{% endfor %}
    {% for metric in metrics %}
        sum({{ metric.numerator }}) / nullif(sum({{ metric.denominator }}), 0) as {{ metric.name }},
    {% endfor %}
    sum(busy_seconds + idle_seconds + held_seconds) / 3600 as allocated_gpu_hours,
    sum(energy_joules) as energy_joules
from picked
group by bucket{% for sql in keys.values() %}, {{ sql }}{% endfor %}
order by bucket{% for sql in keys.values() %}, {{ sql }}{% endfor %}
