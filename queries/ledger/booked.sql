-- The booking itself: raw rows with their seconds, each in exactly one column. What was worked is busy
-- where a holder is certain, and unattributed where nobody holds; the rest of a row's capacity lies in
-- the column that the rules chose for it.
-- A gauge's value is weighed with the row's time. The gauge that serves as the utilization is not
-- stored a second time.
{% set seconds = {
    "capacity_seconds": "capacity_seconds",
    "busy_seconds": "case when rest = 'idle' then worked_seconds else 0 end",
    "idle_seconds": "case when rest = 'idle' then capacity_seconds - worked_seconds else 0 end",
    "held_seconds": "case when rest = 'held' then capacity_seconds else 0 end",
    "free_seconds": "case when rest = 'free' then capacity_seconds - worked_seconds else 0 end",
    "unattributed_seconds": "case when rest <> 'idle' then worked_seconds else 0 end",
    "unavailable_seconds": "case when rest = 'unavailable' then capacity_seconds - worked_seconds else 0 end",
    "unknown_seconds": "case when rest = 'unknown' then capacity_seconds - worked_seconds else 0 end",
    "measured_seconds": "case when gpu_utilization_ratio_max is not null then capacity_seconds else 0 end",
    "energy_joules": (
        "coalesce(energy_joules, capacity_seconds * gpu_power_watts)"
        if has_power
        else "energy_joules"
    ),
} %}
with
    worked as (
        select
            *,
            case
                when gpu_utilization_ratio_max is null
                then 0
                when rest = 'idle'
                then capacity_seconds * least(gpu_utilization_ratio_max, held_ratio) / held_ratio
                else capacity_seconds * greatest(0, gpu_utilization_ratio_max - held_ratio) / (1 - held_ratio)
            end as worked_seconds
            {% for gauge in gauges %}
                {% if gauge.entry.gauge.utilization %}
                    ,
                    case
                        when utilization_source = '{{ gauge.entry.gauge.utilization }}'
                        then gpu_utilization_ratio_max
                        else {{ gauge.name }}_max
                    end as {{ gauge.name }}
                {% else %}, {{ gauge.name }}_max as {{ gauge.name }}
                {% endif %}
            {% endfor %}
        from {{ raw }}
    )
select
    {% for key in keys %} {{ key }},{% endfor %}
    {% for name, sql in seconds.items() if name in columns %} {{ sql }} as {{ name }},{% endfor %}
    {% for gauge in gauges %}
        {% if gauge.integral in columns %}
            {{ gauge.name }} * {{ gauge.weight }} as {{ gauge.integral }},
        {% endif %}
        {% if gauge.seconds in columns %}
            case when {{ gauge.name }} is not null then {{ gauge.weight }} end as {{ gauge.seconds }},
        {% endif %}
        {% for extreme in gauge.extremes if extreme in columns %}
            {{ gauge.name }} as {{ extreme }},
        {% endfor %}
    {% endfor %}
    gpu_utilization_ratio_max as gpu_utilization_ratio_min,
    gpu_utilization_ratio_max
from worked
