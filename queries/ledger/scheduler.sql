-- What the scheduler said of each node in each run: how many whole GPUs it counts, whether the node is
-- ready or cordoned.
-- seen: for how many milliseconds of the run the scheduler spoke of the node.
with
    spoken as (
        select
            run,
            node,
            window_start,
            fact,
            resource,
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
        select run, node, window_start, fact, resource, max(value) as value, max(seen) as seen
        from spoken
        group by all
    )
select
    run,
    node,
    max(seen) as seen,
    sum(whole_gpus(value, resource, gpu_model, plain_gpu)) filter (fact = 'gpus') as gpus,
    coalesce(max(value) filter (fact = 'ready') < 0.5, false) as is_not_ready,
    coalesce(max(value) filter (fact = 'cordoned') >= 0.5, false) as is_cordoned
from told
inner join units using (window_start, node)
group by run, node
