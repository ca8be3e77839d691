-- How many GPUs had a utilization in each tenth, in each step: by the mean of each GPU over the time of the
-- step for which it was measured. A GPU counts as much as it is of a whole one, and for as much of the step
-- as it was measured.
with
    ledger as ({{ ledger }}),
    picked as ({{ picked }}),
    elapsed as ({% include "collected_times.sql" %}),
    gpus as (
        select
            cluster as home,
            bucket,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            {{ gpu }} as gpu_key,
            max(time) as newest,
            sum(busy_seconds + unattributed_seconds) / sum(measured_seconds) as utilization,
            sum(measured_seconds) as measured_seconds
        from picked
        where kind = 'gpu' {% for condition in conditions %} and {{ condition }}{% endfor %}
        group by cluster, bucket, {% for dimension in by %} {{ dimension.sql }},{% endfor %} {{ gpu }}
        having sum(measured_seconds) > 0
    )
select
    {{ "max(newest)" if is_newest else "bucket" }} as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    least(9, cast(floor(utilization * 10) as integer)) as band,
    sum(measured_seconds / collected_seconds) as value
from gpus
inner join elapsed using (home, bucket)
group by bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} band
order by time, {% for dimension in by %} {{ dimension.column }},{% endfor %} band
