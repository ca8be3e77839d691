-- The rules of the ledger: for every share of every slot and step, in which column its time is booked
-- that was not worked, and which utilization may be trusted for it. The seconds follow from that: see
-- booked.sql.
-- u: the slot's utilization or null; held_ratio: the sum of all holders' shares of it (F).
with
    steps as (select run, unnest(range(start, until, $step)) as step from runs),
    whole as (
        select
            parent,
            step,
            max(energy_watts) as energy_watts
            {% for gauge in gpu_gauges if gauge.entry.gauge.scope == "gpu" %}
                , max({{ gauge.name }}) as {{ gauge.name }}
            {% endfor %}
        from gauges
        inner join devices using (window_start, device)
        where parent in (select parent from devices where gpu_instance <> '')
        group by parent, step
    ),
    shown as (
        select
            identity,
            weight,
            share,
            held_ratio,
            is_held,
            is_certain,
            is_estimated,
            is_seen,
            is_uncut,
            is_not_ready,
            is_cordoned,
            is_drained,
            coalesce(is_spoiled, false) as is_spoiled,
            is_allocation_known,
            source,
            steps.step,
            u,
            (is_not_ready or is_faulty) and coalesce(u, 0) = 0 as is_bad,
            coalesce(whole.energy_watts, gauges.energy_watts) as energy_watts
            {% for gauge in gpu_gauges %}
                {% if gauge.entry.gauge.scope == "gpu" %}
                    , coalesce(whole.{{ gauge.name }}, gauges.{{ gauge.name }}) as {{ gauge.name }}
                {% else %}, gauges.{{ gauge.name }}
                {% endif %}
            {% endfor %}
        from holdings
        inner join steps using (run)
        left join gauges on gauges.device = holdings.device and gauges.step = steps.step
        left join whole on whole.parent = holdings.parent and whole.step = steps.step
    ),
    judged as (
        select
            *,
            case
                when is_bad
                then cast('unavailable' as ledger_column)
                when is_held and is_certain and u is not null
                then cast('idle' as ledger_column)
                when is_held
                then cast('held' as ledger_column)
                when not is_allocation_known
                then cast('unknown' as ledger_column)
                when is_cordoned
                then cast('unavailable' as ledger_column)
                else cast('free' as ledger_column)
            end as rest
        from shown
    ),
    trusted as (select *, case when not is_bad and rest <> 'held' then u end as trusted_u from judged)
select
    identity,
    step as time,
    rest,
    case
        when is_bad and is_not_ready
        then cast('not_ready' as reason)
        when is_bad
        then cast('fault' as reason)
        when rest = 'unavailable' and is_drained
        then cast('drained' as reason)
        when rest = 'unavailable'
        then cast('cordoned' as reason)
        when rest = 'held' and u is not null
        then cast('node_holder' as reason)
        when rest = 'idle' and is_estimated
        then cast('shared_estimate' as reason)
        when not is_held and held_ratio > 0 and u > held_ratio
        then cast('over_fraction' as reason)
        when u is not null or is_uncut
        then null
        when is_spoiled
        then cast('sentinel' as reason)
        when is_seen
        then cast('no_utilization' as reason)
        when rest = 'unknown'
        then cast('gap' as reason)
        else cast('exporter_down' as reason)
    end as reason,
    case when trusted_u is not null then source end as utilization_source,
    held_ratio,
    $step / 1000.0 * weight * share as capacity_seconds,
    $step / 1000.0 * share as device_seconds,
    trusted_u as gpu_utilization_ratio_max,
    capacity_seconds * energy_watts as energy_joules
    {% for gauge in gpu_gauges %}
        {% if gauge.entry.gauge.utilization %}
            ,
            case
                when trusted_u is null or source <> '{{ gauge.entry.gauge.utilization }}'
                then {{ gauge.name }}
            end as {{ gauge.name }}_max
        {% else %}, {{ gauge.name }} as {{ gauge.name }}_max
        {% endif %}
    {% endfor %}
from trusted
