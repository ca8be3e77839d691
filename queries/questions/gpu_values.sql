-- What each GPU and holder showed, with the measured time in which it did. Samples say it exactly; hours
-- say of the utilization how long it lay in each hundredth.
{% for metric in metrics %}
    {{ "union all" if not loop.first }}
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
            greatest(bin / 100, {{ metric.extremes[0] }}) as value,
            weight
        from
            (
                select
                    bucket,
                    {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
                    place,
                    time,
                    {{ metric.extremes[0] }},
                    unnest(utilization_bins) as bin,
                    unnest(utilization_bin_seconds) as weight
                from picked
                where
                    kind = 'gpu' and layer = 'hour'
                    {% for condition in conditions %} and {{ condition }}{% endfor %}
            )
    {% endif %}
{% endfor %}
