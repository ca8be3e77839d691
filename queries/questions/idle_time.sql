-- For how long each GPU had not been active, at the end of each step of which anything is known of it. When
-- it
-- was last active before the window, the history says, by the hour; one that was not is taken to have been
-- active just before.
with
    ledger as ({{ ledger }}),
    shown as (
        select
            cluster,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            {{ gpu }} as gpu_key,
            unix_timestamp(time) as since,
            unix_timestamp(time) + elapsed_seconds as until,
            gpu_utilization_ratio_max
        from ledger
        where
            kind = 'gpu' and gpu_uuid is not null and time < timestamp_seconds($end)
            {% for condition in conditions %} and {{ condition }}{% endfor %}
    ),
    stepped as (
        select
            shown.*,
            edges.begins,
            max(case when gpu_utilization_ratio_max > $active_above then until end) over (
                partition by {% for dimension in by %} {{ dimension.column }},{% endfor %} cluster, gpu_key
                order by since
                rows between unbounded preceding and current row
            ) as last_active,
            min(since) over (
                partition by {% for dimension in by %} {{ dimension.column }},{% endfor %} cluster, gpu_key
            ) as first_seen
        from shown
        left join edges on shown.since >= edges.begins and shown.since < edges.ends
    )
select
    timestamp_seconds(begins) as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    max(until) - coalesce(max(last_active), min(first_seen)) as value
from stepped
where begins is not null and gpu_utilization_ratio_max is not null
group by begins, cluster, gpu_key{% for dimension in by %}, {{ dimension.column }}{% endfor %}
order by time{% for dimension in by %}, {{ dimension.column }}{% endfor %}
