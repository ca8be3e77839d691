-- Every holder of every slot, and one more row for the part that nobody holds. share: of the slot;
-- held: all holders' share.
with
    holders as (
        select run, device, holder, f, is_estimated, true as is_certain, 'device' as attribution
        from label_holders
        union all
        select run, device, holder, f, false, is_certain, 'node'
        from node_holders
    ),
    held as (select run, device, sum(f) as held from holders group by run, device)
select
    run,
    device,
    holder,
    f / greatest(1, held) as share,
    least(1, held) as held,
    is_certain,
    is_estimated,
    attribution
from holders
inner join held using (run, device)
union all
select run, device, null, 1 - coalesce(held, 0), coalesce(held, 0), true, false, 'none'
from slots
left join held using (run, device)
where coalesce(held, 0) < 1 - 1e-9
