-- Which nodes were seen lately, what each had last, and how it was in the newest step of its cluster, if it
-- was in
-- that. The ledger is asked for the newest steps, the history for the time before.
with
    ledger as ({{ ledger }}),
    newest as (select cluster as of_cluster, max(time) as newest from ledger group by cluster),
    shown as (
        select
            cluster,
            node,
            max(node_pool) as node_pool,
            max(gpu_model) as gpu_model,
            sum(case when kind = 'gpu' then capacity_seconds end) / max(elapsed_seconds) as gpus,
            max(time) as time,
            max(elapsed_seconds) as elapsed_seconds,
            sum(case when kind = 'gpu' then capacity_seconds end) as capacity_seconds,
            sum(case when kind = 'gpu' then unknown_seconds end) as unknown_seconds,
            max(case when reason = 'not_ready' then 1 else 0 end) as is_not_ready,
            max(case when reason = 'drained' then 1 else 0 end) as is_drained,
            max(case when reason = 'cordoned' then 1 else 0 end) as is_cordoned,
            sum(case when reason = 'fault' then capacity_seconds end) / max(elapsed_seconds) as faulty_gpus
        from ledger
        inner join newest on newest.of_cluster = ledger.cluster and newest.newest = ledger.time
        where node is not null
        group by cluster, node
    ),
    hourly as (
        select
            cluster,
            node,
            time,
            max(node_pool) as node_pool,
            max(gpu_model) as gpu_model,
            sum(case when kind = 'gpu' then capacity_seconds end) / max(elapsed_seconds) as gpus
        from ({{ history }}) as before
        inner join horizons on horizons.known_cluster = before.cluster
        where node is not null and unix_timestamp(time) >= horizons.since
        group by cluster, node, time
    ),
    remembered as (
        select
            cluster,
            node,
            max_by(node_pool, time) as node_pool,
            max_by(gpu_model, time) as gpu_model,
            max(gpus) as gpus,
            max(time) as time
        from hourly
        group by cluster, node
    )
select
    coalesce(shown.cluster, remembered.cluster) as cluster,
    coalesce(shown.node, remembered.node) as node,
    coalesce(shown.node_pool, remembered.node_pool) as node_pool,
    coalesce(shown.gpu_model, remembered.gpu_model) as gpu_model,
    coalesce(shown.gpus, remembered.gpus) as gpus,
    unix_timestamp(coalesce(shown.time, remembered.time))
    + coalesce(shown.elapsed_seconds, 3600) as seen_until,
    shown.node is not null as is_shown,
    coalesce(shown.unknown_seconds >= shown.capacity_seconds, false) as is_unknown,
    shown.capacity_seconds is not null as has_gpus,
    shown.is_not_ready,
    shown.is_drained,
    shown.is_cordoned,
    shown.faulty_gpus
from shown
full outer join remembered on remembered.cluster = shown.cluster and remembered.node = shown.node
order by cluster, node
