-- Why the time of a GPU stands where it stands, in the step (or the hour) around a moment: one row per
-- holder and column, with what it follows from.
with
    ledger as ({{ ledger }}),
    around as (
        select *, {{ gpu }} as gpu_key
        from ledger
        where
            kind = 'gpu'
            and cluster = $cluster
            and unix_timestamp(time) <= $at
            and unix_timestamp(time) + elapsed_seconds > $at
    ),
    picked as (
        select *
        from around
        where
            {% if is_by_pod %} pod = $pod and coalesce(namespace, '') = $namespace
            {% else %} gpu_key = $gpu or gpu_uuid = $gpu
            {% endif %}
    ),
    booked as (
        {% for column in ledger_columns %}
            select '{{ column }}' as ledger_column, {{ column }}_seconds as seconds, picked.*
            from picked
            where {{ column }}_seconds > 0
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    )
select
    time,
    elapsed_seconds,
    cluster,
    node,
    gpu_key as gpu,
    gpu_model,
    gpu_profile,
    project,
    "user",
    namespace,
    pod,
    pod_uid,
    workload,
    workload_kind,
    ledger_column as "column",
    seconds,
    capacity_seconds,
    reason,
    attribution,
    case when measured_seconds > 0 then gpu_utilization_ratio_max end as gpu_utilization_ratio,
    utilization_source,
    gpu_memory_used_bytes_max as gpu_memory_used_bytes,
    gpu_power_watts_max as gpu_power_watts,
    window_start,
    revision
from booked
order by gpu, namespace, pod, workload, "column", reason
