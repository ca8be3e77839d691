-- The names that a dimension has, whatever they are names of: also of what only waits, or only has a quota.
with
    ledger as ({{ ledger }}),
    named as (
        select distinct {{ dimension.sql }} as name
        from ledger
        where true {% for condition in conditions %} and {{ condition }}{% endfor %}
    )
select name
from named
where name is not null
order by name
limit $limit
