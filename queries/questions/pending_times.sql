-- How many workloads wait now, by how long they have waited.
with
    changes as ({{ changes }}),
    ordered as ({% include "ordered_changes.sql" %}),
    waiting as (
        select
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            begins,
            begins - since + coalesce(queue_seconds, 0) as waited
        from
            (
                select ordered.* {% if is_placed %}, cast(null as varchar) as node_pool{% endif %}
                from ordered
                inner join known on known.known_cluster = ordered.cluster
                inner join edges as now on known.known_until >= now.begins
                where changed is null
            ) as open_changes
        inner join edges on since < ends
        where
            state in ('submitted', 'pending', 'initializing')
            {% for condition in conditions %} and {{ condition }}{% endfor %}
    )
select
    timestamp_seconds(begins) as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    case
        {% for band, seconds in bands.items() %}
            {% if seconds %} when waited < {{ seconds }} then '{{ band }}'
            {% else %} else '{{ band }}'
            {% endif %}
        {% endfor %}
    end as band,
    cast(count(*) as double) as value
from waiting
group by begins, {% for dimension in by %} {{ dimension.column }},{% endfor %} band
order by time, {% for dimension in by %} {{ dimension.column }},{% endfor %} band
