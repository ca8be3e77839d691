-- For which share of each run each pod ran, of the time for which the scheduler spoke of its node.
with
    ran as (
        select
            run,
            series,
            holder,
            node,
            sum(value * (least(facts.until, runs.until) - greatest(facts.since, runs.start))) as ran
        from facts
        inner join pod_series using (series)
        inner join holders using (namespace, pod, uid)
        inner join runs using (window_start, node)
        where facts.since < runs.until and facts.until > runs.start and value > 0
        group by all
    )
select run, node, holder, least(1, max(ran) / any_value(seen)) as running
from ran
inner join scheduler using (run, node)
where seen > 0
group by run, node, holder
