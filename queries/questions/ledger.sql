-- The ledger: GPU-seconds per column, by any dimensions, in steps or as one total, with what follows
-- from them.
with
    ledger as ({{ ledger }}),
    picked as ({{ picked }}),
    sums as (
        select
            bucket,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            sum(capacity_seconds) as capacity_seconds,
            {% for column in ledger_columns %} sum({{ column }}_seconds) as {{ column }}_seconds,{% endfor %}
            sum(measured_seconds) as measured_seconds,
            sum(energy_joules) as energy_joules
        from picked
        where kind = 'gpu'{% for condition in conditions %} and {{ condition }}{% endfor %}
        group by bucket{% for dimension in by %}, {{ dimension.sql }}{% endfor %}
    )
select
    bucket as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    capacity_seconds,
    {% for column in ledger_columns %} {{ column }}_seconds,{% endfor %}
    measured_seconds,
    energy_joules,
    (busy_seconds + idle_seconds + held_seconds) / 3600 as allocated_gpu_hours,
    {% for metric in ratios %}
        ({{ metric.numerator }})
        / nullif({{ metric.denominator }}, 0) as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from sums
order by bucket{% for dimension in by %}, {{ dimension.column }}{% endfor %}
