-- The first hour and node whose booked seconds are not its capacity, which was computed before any
-- booking. None may be.
with
    booked as (
        select
            window_start,
            node,
            sum({{ ledger_columns | join(" + ") }}) as booked,
            min(least({{ ledger_columns | join(", ") }})) as smallest
        from hours
        inner join identities using (window_start, identity)
        where kind = 'gpu'
        group by all
    ),
    capacities as (
        select window_start, node, sum(capacity * (until - start) / 1000.0) as capacity
        from capacity
        group by all
    )
select window_start, node, coalesce(booked, 0) as booked, coalesce(capacity, 0) as capacity
from capacities
full join booked using (window_start, node)
where
    smallest < -1e-6 or abs(coalesce(booked, 0) - coalesce(capacity, 0)) > 1e-6 * (1 + coalesce(capacity, 0))
order by window_start, node
limit 1
