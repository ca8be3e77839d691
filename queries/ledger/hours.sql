-- Booked rows summed to hours: seconds and integrals by sum, values by their extremes.
select
    window_start,
    identity,
    window_start as time,
    reason,
    utilization_source,
    {% for column in summed_columns %} sum({{ column }}) as {{ column }},{% endfor %}
    min(gpu_utilization_ratio_min) as gpu_utilization_ratio_min,
    max(gpu_utilization_ratio_max) as gpu_utilization_ratio_max
    {% for gauge in gauges %}
        , min({{ gauge.name }}_min) as {{ gauge.name }}_min, max({{ gauge.name }}_max) as {{ gauge.name }}_max
    {% endfor %}
from ({{ booked }})
group by window_start, identity, reason, utilization_source
order by window_start, identity
