-- How many workloads wait now, by how long they have waited.
with
    changes as ({{ changes }}),
    ordered as (
        select
            everything.*,
            unix_timestamp(time) as since,
            lead(unix_timestamp(time)) over (
                partition by cluster, coalesce(namespace, ''), workload_kind, workload
                order by
                    unix_timestamp(time) * 4
                    + case state when 'ended' then 3 when 'running' then 2 when 'pending' then 1 else 0 end
            ) as changed
        from changes as everything
        where
            time < timestamp_seconds($end)
            {% for condition in own_conditions %} and {{ condition }}{% endfor %}
    ),
    waiting as (
        select
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            begins,
            begins - since as waited
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
            state in ('submitted', 'pending')
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
