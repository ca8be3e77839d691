-- A page of a list of workloads or pods: first which ones are on it, then what is told of them.
with
    held_rows as ({{ held }}),
    page as (
        select number
        from
            (
                {% with is_told_of_held = is_held_asked %}{% include "described_" ~ of ~ ".sql" %}
                {% endwith %}
            ) as described
        {% if conditions %} where {{ conditions | join(" and ") }}{% endif %}
        order by {{ order }}
        limit $limit
        offset $offset
    )
select *
from ({% with is_told_of_held = true %}{% include "described_" ~ of ~ ".sql" %}{% endwith %}) as described
where number in (select number from page)
order by {{ order }}
