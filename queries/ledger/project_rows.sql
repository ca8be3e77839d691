-- What is known of projects alone (quotas, queues): one row per project and step, which carries no GPU-
-- time.
with
    pieces as (
        select
            series,
            value,
            since,
            facts.until,
            unnest(range(floor_to(since, $step), least(facts.until, $until), $step)) as step
        from facts
        inner join project_series using (series)
        where since < $until
    ),
    per_series as (
        select
            series,
            step,
            sum(value * (least(until, step + $step) - greatest(since, step)))
            / sum(least(until, step + $step) - greatest(since, step)) as value
        from pieces
        group by all
    ),
    parts as (
        select
            coalesce(project, namespace_project(namespace)) as project,
            metric,
            part,
            step,
            max(value) as value
        from per_series
        inner join project_series using (series)
        group by all
    )
select
    1000000000 + dense_rank() over (order by step - step % $hour, project) as identity,
    step - step % $hour as window_start,
    step as time,
    project,
    0 as capacity_seconds,
    $step / 1000.0 as device_seconds
    {% for gauge in project_gauges %}
        , sum(value) filter (metric = '{{ gauge.name }}') as {{ gauge.name }}_max
    {% endfor %}
from parts
group by step, project
