-- What is known of projects, pods and nodes beside their GPUs (quotas, queues, processors, memory): one
-- row per entity and step, which carries no GPU-time. The parts of a metric that
-- an exporter tells are summed, beside what it tells of the whole; of what is told twice, the largest
-- counts.
with
    pieces as (
        select
            series,
            value,
            since,
            facts.until,
            unnest(range(floor_to(since, $step), least(facts.until, $until), $step)) as step
        from facts
        inner join entity_series using (series)
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
    pods as (select namespace, pod, max(holder) as holder from holders where not is_job group by all),
    parts as (
        select
            kind,
            coalesce(entity_series.project, namespaces.project) as project,
            case when kind = 'node' then node end as node,
            holder,
            metric,
            exporter,
            part,
            step,
            max(whole_gpus(value, resource, null, 1)) as value
        from per_series
        inner join entity_series using (series)
        left join namespaces on namespaces.namespace = entity_series.namespace
        left join
            pods on kind = 'pod' and pods.namespace = entity_series.namespace and pods.pod = entity_series.pod
        where kind <> 'pod' or holder is not null
        group by all
    ),
    per_exporter as (
        select kind, project, node, holder, metric, exporter, part = '' as is_whole, step, sum(value) as value
        from parts
        group by all
    ),
    summed as (
        select
            kind,
            case when kind = 'project' then project end as project,
            node,
            holder,
            step
            {% for gauge in entity_gauges %}
                , max(value) filter (metric = '{{ gauge.name }}') as {{ gauge.name }}_max
            {% endfor %}
        from per_exporter
        group by kind, case when kind = 'project' then project end, node, holder, step
    )
select
    1000000000 + dense_rank() over (order by step - step % $hour, kind, project, node, holder) as identity,
    step - step % $hour as window_start,
    step as time,
    * exclude (step),
    0 as capacity_seconds,
    $step / 1000.0 as device_seconds
from summed
