-- Amounts of workloads, by the time that each was in some states: the mean over each step, of which no more
-- counts than is known of its cluster. Or, without states, the mean of those that began to run in the step.
with
    changes as ({{ changes }}),
    ordered as ({% include "ordered_changes.sql" %}),
    placed_changes as (
        select
            ordered.*,
            {% if is_placed %}
                (
                    select min(placed.node_pool)
                    from placed
                    where placed.cluster = ordered.cluster and array_contains(ordered.nodes, placed.node)
                ) as node_pool,
            {% endif %}
            coalesce(least(changed, known.known_until), known.known_until) as until
        from ordered
        inner join known on known.known_cluster = ordered.cluster
    ),
    pieces as (
        select
            begins,
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            {{ amount }} as amount,
            {% if states %} least(until, ends) - greatest(since, begins)
            {% else %} 1
            {% endif %} as weight,
            ends - begins as length
        from placed_changes
        inner join
            edges on {% if states %} since < ends and until > begins
            {% else %} since >= begins and since < ends
            {% endif %}
        where
            state
            in ({% for state in states or ["running"] %}'{{ state }}'{{ ", " if not loop.last }}{% endfor %})
            {% for condition in conditions %} and {{ condition }}{% endfor %}
    )
select
    timestamp_seconds(begins) as time,
    {% for dimension in by %} {{ dimension.column }},{% endfor %}
    {% if states %} sum(amount * weight) / max(length)
    {% else %} avg(amount)
    {% endif %} as value
from pieces
group by begins{% for dimension in by %}, {{ dimension.column }}{% endfor %}
order by time{% for dimension in by %}, {{ dimension.column }}{% endfor %}
