-- A page of a list of workloads or pods: first which ones are on it, then what is told of them.
with
    held_rows as ({{ held }}),
    page as (
        select number
        from ({% with joined = asked_of %}{% include "described_" ~ of ~ ".sql" %}{% endwith %}) as described
        {% if conditions %} where {{ conditions | join(" and ") }}{% endif %}
        order by {{ order }}
        limit $limit
        offset $offset
    )
select *
from
    (
        {% with joined = ["homes", "known", "held"] %}{% include "described_" ~ of ~ ".sql" %}{% endwith %}
    ) as described
where number in (select number from page)
order by {{ order }}
