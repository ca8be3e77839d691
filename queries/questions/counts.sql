-- How many nodes or pods there were at once, by any dimensions: for each cluster the time for which each was
-- there over the time that was collected; the clusters' are added. Or how many different ones there were.
with
    ledger as ({{ ledger }}),
    picked as ({{ picked }}),
    elapsed as ({% include "collected_times.sql" %}),
    present as (
        select
            cluster as home,
            bucket,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            {{ entity }} as entity,
            time,
            max(elapsed_seconds) as elapsed_seconds,
            {{ "case when " ~ having ~ " then 1 end" if having else "1" }} as is_counted
        from picked
        where
            kind = 'gpu' and {{ entity }} is not null
            {% for condition in conditions %} and {{ condition }}{% endfor %}
        group by
            cluster, bucket, {% for dimension in by %} {{ dimension.sql }},{% endfor %} {{ entity }}, time
    ),
    sums as (
        select
            home,
            bucket,
            {% for dimension in by %} {{ dimension.column }},{% endfor %}
            max(time) as newest,
            cast(count(distinct case when is_counted = 1 then entity end) as double) as entities,
            coalesce(sum(elapsed_seconds * is_counted), 0) as present_seconds
        from present
        group by home, bucket{% for dimension in by %}, {{ dimension.column }}{% endfor %}
    )
select
    {{ "max(newest)" if is_newest else "bucket" }} as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    {% if is_distinct %} sum(entities)
    {% else %} sum(present_seconds / collected_seconds)
    {% endif %} as value
from sums
inner join elapsed using (home, bucket)
group by bucket{% for dimension in by %}, {{ dimension.column }}{% endfor %}
order by time{% for dimension in by %}, {{ dimension.column }}{% endfor %}
