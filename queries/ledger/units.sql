-- What one GPU of the plain resource (nvidia.com/gpu) is worth on a node, in whole GPUs: an instance
-- where every GPU is cut and the scheduler knows no profiles (MIG strategy "single"), a part where GPUs
-- are time-sliced, else one.
with
    hours as (select unnest(range($start, $end, $hour)) as window_start),
    all_cut as (
        select window_start, node, avg(weight) as instance
        from devices
        group by all
        having bool_and(class <> '')
    ),
    with_profiles as (
        select distinct node, true as has_profiles from node_series where resource_class(resource) <> ''
    )
select
    window_start,
    node,
    case when has_profiles or instance is null then 1 / replicas else instance end as plain_gpu,
    gpu_model
from nodes
cross join hours
left join all_cut using (window_start, node)
left join with_profiles using (node)
