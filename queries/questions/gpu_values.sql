-- What each GPU and holder showed, with the measured time in which it did. Samples say it exactly; hours
-- say of the utilization how long it lay in each hundredth.
select
    bucket,
    {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
    place,
    time,
    '{{ metric.name }}' as metric,
    {{ metric.extremes[1] }} as value,
    {{ metric.denominator }} as weight
from picked
where kind = 'gpu' and layer = 'raw'{% for condition in conditions %} and {{ condition }}{% endfor %}
{% if metric.has_histogram and "hour" in layers %}
    union all
    select
        bucket,
        {% for dimension in by %} {{ dimension.column }},{% endfor %}
        place,
        time,
        '{{ metric.name }}' as metric,
        greatest(element_at(utilization_bins, bin) / 100, {{ metric.extremes[0] }}) as value,
        element_at(utilization_bin_seconds, bin) as weight
    from
        (
            select
                bucket,
                {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
                place,
                time,
                {{ metric.extremes[0] }},
                utilization_bins,
                utilization_bin_seconds,
                explode(sequence(1, size(utilization_bins))) as bin
            from picked
            where
                kind = 'gpu' and layer = 'hour' and size(utilization_bins) > 0
                {% for condition in conditions %} and {{ condition }}{% endfor %}
        ) as exploded
{% endif %}
