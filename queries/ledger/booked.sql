-- The booking itself: raw rows with their seconds, each in exactly one column. What was worked is busy
-- where a holder is certain, and unattributed where nobody holds; the rest of a row's capacity lies in
-- the column that the rules chose for it.
-- A gauge's value is weighed with the row's time. The gauge that serves as the utilization is not
-- stored a second time.
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
    capacity_seconds,
    case when rest = 'idle' then worked_seconds else 0 end as busy_seconds,
    case when rest = 'idle' then capacity_seconds - worked_seconds else 0 end as idle_seconds,
    case when rest = 'held' then capacity_seconds else 0 end as held_seconds,
    case when rest = 'free' then capacity_seconds - worked_seconds else 0 end as free_seconds,
    case when rest <> 'idle' then worked_seconds else 0 end as unattributed_seconds,
    case when rest = 'unavailable' then capacity_seconds - worked_seconds else 0 end as unavailable_seconds,
    case when rest = 'unknown' then capacity_seconds - worked_seconds else 0 end as unknown_seconds,
    case when gpu_utilization_ratio_max is not null then capacity_seconds else 0 end as measured_seconds,
    {{ "coalesce(energy_joules, capacity_seconds * gpu_power_watts)" if has_power else "energy_joules" }}
    as energy_joules,
    gpu_utilization_ratio_max as gpu_utilization_ratio_min,
    gpu_utilization_ratio_max
    {% for gauge in gauges %}
        ,
        {{ gauge.name }} * {{ gauge.weight }} as {{ gauge.integral }},
        case when {{ gauge.name }} is not null then {{ gauge.weight }} end as {{ gauge.seconds }},
        {{ gauge.name }} as {{ gauge.name }}_min,
        {{ gauge.name }} as {{ gauge.name }}_max
    {% endfor %}
from worked
