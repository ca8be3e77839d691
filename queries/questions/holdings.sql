-- What each workload held of each GPU, how that was used, and what of it was wasted. Each second of idle
-- and held time is in at most one class, the first that fits: never_used, idle_tail, low_utilization,
-- oversized, no_process.
-- Of what was quiet in the end, the history says when it was last active, which goes back before the
-- window. A fraction of a device is judged by the time of the device (scale), and by the memory that is
-- its share.
-- What is summed is told in seconds, and where there are prices in seconds that have one and in money.
{% set holder = ["cluster", "gpu", "namespace", "workload_kind", "workload", "pod", "pod_uid"] %}
{% set holding = holder + ["node", "node_pool", "gpu_model"] + (["department"] if is_by_department else []) %}
{% macro rows_of(looked) %}
    select
        cluster,
        node_pool,
        node,
        {{ gpu }} as gpu,
        gpu_model,
        namespace,
        workload_kind,
        workload,
        pod,
        pod_uid,
        project,
        "user",
        {% if is_by_department %} department,{% endif %}
        unix_timestamp(time) as since,
        unix_timestamp(time) + elapsed_seconds as until,
        capacity_seconds,
        busy_seconds,
        idle_seconds,
        held_seconds,
        unavailable_seconds,
        energy_joules,
        gpu_utilization_ratio_max,
        gpu_memory_used_bytes_max,
        gpu_memory_total_bytes_max,
        gpu_memory_total_bytes_seconds,
        gpu_memory_total_bytes_seconds / elapsed_seconds as share,
        gpu_power_watts_integral,
        gpu_power_watts_seconds,
        coalesce(attribution = 'device', false) as is_surely_held,
        {% if is_priced %}
            {% for column in ("busy", "idle", "held") %}
                case
                    when per_gpu_hour is not null then {{ column }}_seconds else 0
                end as {{ column }}_priced_seconds,
                coalesce({{ column }}_seconds / 3600 * per_gpu_hour, 0) as {{ column }}_cost,
            {% endfor %}
        {% endif %}
        coalesce(gpu_utilization_ratio_max > active_above, false) as is_active,
        coalesce(
            gpu_memory_used_bytes_max < no_process_memory_below_bytes
            and not coalesce(gpu_utilization_ratio_max > active_above, false),
            false
        ) as is_without_process,
        time >= timestamp_seconds($start) and time < timestamp_seconds($end)
        {% for condition in conditions %} and {{ condition }}{% endfor %} as is_asked
    from (select *, {{ workload_type }} as workload_type from {{ looked }} as looked) as typed
    inner join limits using (workload_type)
    where kind = 'gpu' and workload is not null
{% endmacro %}
{% macro are_equal(one, other, names) %}
    {% for name in names %}
        {{ "and" if not loop.first }} {{ one }}.{{ name }} is not distinct from {{ other }}.{{ name }}
    {% endfor %}
{% endmacro %}
with
    ledger as ({{ ledger }}),
    limits as (
        select *
        from
            (
                values {% for limit in limits %} ({{ limit }}){{ "," if not loop.last }} {% endfor %}
            ) as every_limit(workload_type{% for name in thresholds %}, {{ name }}{% endfor %})
    ),
    summed as (
        select
            {{ holding | join(", ") }},
            max(project) as project,
            max("user") as "user",
            min(since) as held_since,
            max(until) as held_until,
            min(case when is_active then since end) as first_activity,
            max(case when is_active then until end) as last_seen_activity,
            sum(unavailable_seconds) as unavailable_seconds,
            sum(energy_joules) as energy_joules,
            max(gpu_utilization_ratio_max) as gpu_utilization_ratio_max,
            max(gpu_memory_used_bytes_max) as gpu_memory_used_bytes_max,
            max(gpu_memory_total_bytes_max) as gpu_memory_total_bytes_max,
            max(share) as share,
            greatest(
                1, coalesce(sum(gpu_memory_total_bytes_seconds) / nullif(sum(capacity_seconds), 0), 1)
            ) as scale,
            sum(gpu_power_watts_integral) as gpu_power_watts_integral,
            sum(gpu_power_watts_seconds) as gpu_power_watts_seconds,
            {% for unit in units %}
                sum(busy_{{ unit }}) as busy_{{ unit }},
                sum(idle_{{ unit }}) as idle_{{ unit }},
                sum(held_{{ unit }}) as held_{{ unit }},
                sum(case when is_without_process then idle_{{ unit }} else 0 end) as bare_idle_{{ unit }},
                sum(
                    case when is_without_process and is_surely_held then held_{{ unit }} else 0 end
                ) as bare_held_{{ unit }}{{ "," if not loop.last }}
            {% endfor %}
        from ({{ rows_of("ledger") }}) as told
        where
            is_asked
            {% if is_chosen %}
                and (cluster, coalesce(namespace, ''), workload_kind, workload)
                in (select cluster, namespace, workload_kind, workload from chosen)
            {% endif %}
        group by {{ holding | join(", ") }}
    ),
    quiet as (
        select distinct {{ holder | join(", ") }}
        from summed
        where gpu is not null and coalesce(last_seen_activity < held_until, true)
    ),
    looked_back as (
        select told.*
        from ({{ rows_of("(" ~ history ~ ")") }}) as told
        inner join quiet on {{ are_equal("quiet", "told", holder) }}
    ),
    activity as (
        select {{ holder | join(", ") }}, max(until) as last_activity
        from looked_back
        where is_active
        group by {{ holder | join(", ") }}
    ),
    dated as (
        select looked_back.*, last_activity
        from looked_back
        inner join activity on {{ are_equal("activity", "looked_back", holder) }}
        where is_asked
    ),
    tails as (
        select
            {{ holding | join(", ") }},
            max(last_activity) as known_activity,
            sum(case when since >= last_activity then busy_seconds else 0 end) as tail_busy_seconds,
            {% for unit in units %}
                sum(case when since >= last_activity then idle_{{ unit }} else 0 end) as tail_idle_{{ unit }},
                sum(
                    case when since >= last_activity and is_without_process then idle_{{ unit }} else 0 end
                ) as bare_tail_{{ unit }}{{ "," if not loop.last }}
            {% endfor %}
        from dated
        group by {{ holding | join(", ") }}
    ),
    known as (
        select
            typed.*,
            limits.*,
            coalesce(known_activity, last_seen_activity) as last_activity,
            coalesce(tail_busy_seconds, 0) as tail_busy_seconds,
            {% for unit in units %}
                coalesce(tail_idle_{{ unit }}, 0) as tail_idle_{{ unit }},
                coalesce(bare_tail_{{ unit }}, 0) as bare_tail_{{ unit }}{{ "," if not loop.last }}
            {% endfor %}
        from (select *, {{ workload_type }} as type_of_kind from summed) as typed
        inner join limits on limits.workload_type = typed.type_of_kind
        left join tails on {{ are_equal("tails", "typed", holding) }}
    ),
    unused as (
        select
            *,
            last_activity is null
            and idle_seconds >= held_seconds
            and scale * idle_seconds >= never_used_after as is_never_used,
            last_activity is not null and scale * tail_idle_seconds >= idle_tail_after as has_tail
        from known
    ),
    cored as (
        select
            *,
            {% for unit in units %}
                case
                    when has_tail then idle_{{ unit }} - tail_idle_{{ unit }} else idle_{{ unit }}
                end as core_idle_{{ unit }},
                case
                    when has_tail then bare_idle_{{ unit }} - bare_tail_{{ unit }} else bare_idle_{{ unit }}
                end as bare_core_{{ unit }},
            {% endfor %}
            case
                when has_tail then busy_seconds - tail_busy_seconds else busy_seconds
            end as core_busy_seconds
        from unused
    ),
    judged as (
        select
            *,
            not is_never_used
            and scale * (core_busy_seconds + core_idle_seconds) >= judged_after
            and core_busy_seconds < low_utilization_below * (core_busy_seconds + core_idle_seconds) as is_low,
            not is_never_used
            and scale * (core_busy_seconds + core_idle_seconds) >= judged_after
            and core_busy_seconds < oversized_utilization_below * (core_busy_seconds + core_idle_seconds)
            and coalesce(
                gpu_memory_used_bytes_max < oversized_memory_below * share * gpu_memory_total_bytes_max, false
            ) as is_small
        from cored
    ),
    without_process as (
        select
            *,
            {% for unit in units %}
                bare_held_{{ unit }} + case
                    when is_never_used or is_low or is_small then 0 else bare_core_{{ unit }}
                end as bare_{{ unit }}{{ "," if not loop.last }}
            {% endfor %}
        from judged
    )
select
    {{ holding | join(", ") }},
    workload_type,
    project,
    "user",
    held_since,
    held_until,
    first_activity,
    last_activity,
    unavailable_seconds,
    energy_joules,
    gpu_utilization_ratio_max,
    gpu_memory_used_bytes_max,
    gpu_memory_total_bytes_max,
    gpu_power_watts_integral,
    gpu_power_watts_seconds,
    {% for unit in units %}
        busy_{{ unit }},
        idle_{{ unit }},
        held_{{ unit }},
        case when is_never_used then idle_{{ unit }} else 0 end as never_used_{{ unit }},
        case when has_tail then tail_idle_{{ unit }} else 0 end as idle_tail_{{ unit }},
        case when is_low then core_idle_{{ unit }} else 0 end as low_utilization_{{ unit }},
        case when is_small and not is_low then core_idle_{{ unit }} else 0 end as oversized_{{ unit }},
        case
            when scale * bare_seconds >= no_process_after then bare_{{ unit }} else 0
        end as no_process_{{ unit }}{{ "," if not loop.last }}
    {% endfor %}
from without_process
