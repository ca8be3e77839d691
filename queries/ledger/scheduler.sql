-- What the scheduler said of each node in each run: how many whole GPUs it counts, whether the node is
-- ready or cordoned.
-- seen: for how many milliseconds of the run a scheduler spoke of the node that knows who holds what.
with
    spoken as (
        select
            run,
            node,
            window_start,
            fact,
            resource,
            knows_holders,
            series,
            sum(least(facts.until, runs.until) - greatest(facts.since, runs.start)) as seen,
            sum(value * (least(facts.until, runs.until) - greatest(facts.since, runs.start))) / seen as value
        from facts
        inner join node_series using (series)
        inner join runs using (window_start, node)
        where facts.since < runs.until and facts.until > runs.start
        group by all
    ),
    told as (
        select
            run,
            node,
            window_start,
            fact,
            resource,
            max(value) as value,
            max(seen) filter (knows_holders) as seen
        from spoken
        group by all
    )
select
    run,
    node,
    coalesce(max(seen), 0) as seen,
    sum(whole_gpus(value, resource, gpu_model, plain_gpu)) filter (fact = 'gpus') as gpus,
    coalesce(max(value) filter (fact = 'ready') < 0.5, false)
    or coalesce(max(value) filter (fact = 'down') >= 0.5, false) as is_not_ready,
    coalesce(max(value) filter (fact = 'drained') >= 0.5, false) as is_drained,
    coalesce(max(value) filter (fact = 'cordoned') >= 0.5, false) as is_cordoned
from told
inner join units using (window_start, node)
group by run, node
