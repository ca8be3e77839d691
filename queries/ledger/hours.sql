-- Booked rows summed to hours: seconds and integrals by sum, values by their extremes, the utilization
-- also as the time in each hundredth of it.
with
    booked as ({{ booked }}),
    binned as (
        select
            window_start,
            identity,
            reason,
            utilization_source,
            cast(floor(gpu_utilization_ratio_max * 100) as smallint) as bin,
            {% for column in summed_columns %} sum({{ column }}) as {{ column }},{% endfor %}
            min(gpu_utilization_ratio_min) as gpu_utilization_ratio_min,
            max(gpu_utilization_ratio_max) as gpu_utilization_ratio_max
            {% for gauge in gauges %}
                ,
                min({{ gauge.name }}_min) as {{ gauge.name }}_min,
                max({{ gauge.name }}_max) as {{ gauge.name }}_max
            {% endfor %}
        from booked
        group by all
    )
select
    window_start,
    identity,
    window_start as time,
    reason,
    utilization_source,
    {% for column in summed_columns %} sum({{ column }}) as {{ column }},{% endfor %}
    list(bin order by bin) filter (bin is not null) as utilization_bins,
    list(measured_seconds order by bin) filter (bin is not null) as utilization_bin_seconds,
    min(gpu_utilization_ratio_min) as gpu_utilization_ratio_min,
    max(gpu_utilization_ratio_max) as gpu_utilization_ratio_max
    {% for gauge in gauges %}
        , min({{ gauge.name }}_min) as {{ gauge.name }}_min, max({{ gauge.name }}_max) as {{ gauge.name }}_max
    {% endfor %}
from binned
group by window_start, identity, reason, utilization_source
order by window_start, identity
