-- The ledger: GPU-seconds per column, by any dimensions, in steps or as one total, with what follows
-- from them: GPU-hours, what they cost at the prices of their time, energy, carbon, and the quotas of
-- projects beside them.
-- Quotas are compared with what projects used in the clusters that give them one (see quotas.sql).
-- What has a price is summed. Where nothing of some hours has one their cost is null, and so is carbon.
-- Of amounts in hours and in money those are told that are asked for.
with
    ledger as ({{ ledger }}),
    picked as ({{ picked }}),
    alike as (
        select
            bucket,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            place,
            {% if is_rated %} per_gpu_hour, grams_per_kwh,{% endif %}
            sum(capacity_seconds) as capacity_seconds,
            {% for column in ledger_columns %} sum({{ column }}_seconds) as {{ column }}_seconds,{% endfor %}
            sum(measured_seconds) as measured_seconds,
            sum(energy_joules) as energy_joules,
            {% if is_quota_told %}
                sum(gpus_quota_integral) / 3600 as quota_gpu_hours,
                sum(
                    case when of_project is not null then busy_seconds + idle_seconds + held_seconds end
                ) as quota_used_seconds
            {% else %} cast(null as double) as quota_gpu_hours, cast(null as double) as quota_used_seconds
            {% endif %}
        from picked
        {% if is_quota_told %}
            left join quotas on of_cluster = cluster and of_project = project and of_since <= time
        {% endif %}
        where
            (kind = 'gpu'{% if is_quota_told %} or kind = 'project' and gpus_quota_seconds > 0{% endif %})
            {% for condition in conditions %} and {{ condition }}{% endfor %}
        group by
            bucket,
            {% for dimension in by %} {{ dimension.sql }},{% endfor %} place
            {% if is_rated %}, per_gpu_hour, grams_per_kwh{% endif %}
    ),
    {% if is_rated %}
        sums as (
            select
                bucket,
                {% for dimension in by %} {{ dimension.column }},{% endfor %}
                place,
                sum(capacity_seconds) as capacity_seconds,
                {% for column in ledger_columns %}
                    sum({{ column }}_seconds) as {{ column }}_seconds,
                {% endfor %}
                sum(measured_seconds) as measured_seconds,
                sum(energy_joules) as energy_joules,
                {% for amount in priced %}
                    sum(nullif({{ amount.seconds }}, 0) / 3600 * per_gpu_hour) as {{ amount.name }}_priced,
                {% endfor %}
                count(per_gpu_hour) as prices,
                sum(case when per_gpu_hour is null then capacity_seconds else 0 end) as unpriced_seconds,
                sum(nullif(energy_joules, 0) / 3.6e6 * grams_per_kwh) as grams,
                count(grams_per_kwh) as intensities,
                sum(quota_gpu_hours) as quota_gpu_hours,
                sum(quota_used_seconds) as quota_used_seconds
            from alike
            group by bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place
        )
    {% else %} sums as (select * from alike)
    {% endif %}
select
    bucket as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    place,
    capacity_seconds,
    {% for column in ledger_columns %} {{ column }}_seconds,{% endfor %}
    measured_seconds,
    energy_joules,
    {% for amount in timed %} ({{ amount.seconds }}) / 3600 as {{ amount.name }}_gpu_hours,{% endfor %}
    {% for amount in priced %}
        case
            when {{ amount.seconds }} > 0 then {{ amount.name }}_priced when prices > 0 then 0
        end as {{ amount.name }}_cost,
    {% endfor %}
    {% if is_rated %}
        unpriced_seconds / 3600 as unpriced_gpu_hours, cast($currency as varchar(3)) as currency,
    {% endif %}
    energy_joules / 3.6e6 as energy_kwh,
    {% if is_rated %}
        case
            when energy_joules > 0 then grams when intensities > 0 then energy_joules * 0
        end as carbon_grams_co2e,
    {% endif %}
    quota_gpu_hours,
    quota_used_seconds / 3600 / nullif(quota_gpu_hours, 0) as quota_used_ratio,
    {% for metric in ratios %}
        ({{ metric.numerator }})
        / nullif({{ metric.denominator }}, 0) as {{ metric.name }}{{ "," if not loop.last }}
    {% endfor %}
from sums
order by {{ order }}
