-- What each pod requests of each class of devices, in whole GPUs, per hour: what its containers request
-- together, or one of its init containers alone, if that is more.
with
    containers as (
        select
            namespace,
            pod,
            uid,
            container,
            resource,
            coalesce(is_init, false) as is_init,
            max(amount) as amount
        from requests
        group by all
    ),
    pods as (
        select
            namespace,
            pod,
            uid,
            resource,
            greatest(
                coalesce(sum(amount) filter (not is_init), 0), coalesce(max(amount) filter (is_init), 0)
            ) as amount
        from containers
        group by all
    )
select
    window_start,
    holder,
    any_value(holders.node) as node,
    resource_class(resource) as class,
    sum(whole_gpus(amount, resource, units.gpu_model, plain_gpu)) as gpus
from pods
inner join holders using (namespace, pod, uid)
inner join units using (node)
group by window_start, holder, resource_class(resource)
