-- What projects, or departments, held on average over some hours, and how it was used. Those that are younger
-- are told over their lives: since they were made, or since the first hour that shows them.
-- GPUs are GPU-time over the time that their cluster was collected; null where that was never.
with
    ledger as ({{ ledger }}),
    picked as (
        select * from ledger where time >= timestamp_seconds($start) and time < timestamp_seconds($end)
    ),
    elapsed as (
        select cluster, time, sum(elapsed_seconds) as elapsed_seconds
        from (select distinct cluster, time, layer, elapsed_seconds from picked) as steps
        group by cluster, time
    ),
    sums as (
        select
            cluster,
            {{ unit }} as unit,
            min(time) as first_seen,
            {% for metric in metrics %}
                sum({{ metric.numerator }}) as {{ metric.name }}_numerator,
                {% if metric.is_divided_by_column %}
                    sum({{ metric.denominator }}) as {{ metric.name }}_denominator,
                {% endif %}
            {% endfor %}
        from picked
        where kind = 'gpu' and {{ unit }} is not null
        group by cluster, {{ unit }}
    ),
    lives as (
        select units.cluster, units.unit, least(coalesce(sums.first_seen, units.made), units.made) as born
        from units
        left join sums on sums.cluster = units.cluster and sums.unit = units.unit
    ),
    births as (
        select births.cluster, births.born, sum(elapsed.elapsed_seconds) as elapsed_seconds
        from (select distinct cluster, born from lives) as births
        inner join elapsed on elapsed.cluster = births.cluster and elapsed.time >= births.born
        group by births.cluster, births.born
    )
select
    lives.cluster,
    lives.unit,
    {% for metric in metrics %}
        {% if metric.is_divided_by_time %}
            coalesce({{ metric.name }}_numerator, 0) / nullif(births.elapsed_seconds, 0)
        {% else %} {{ metric.name }}_numerator / nullif({{ metric.name }}_denominator, 0)
        {% endif %} as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from lives
left join births on births.cluster = lives.cluster and births.born = lives.born
left join sums on sums.cluster = lives.cluster and sums.unit = lives.unit
