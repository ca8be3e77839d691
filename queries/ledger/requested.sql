-- What each pod requests of each class of devices, in whole GPUs, per hour.
with
    containers as (
        select namespace, pod, uid, container, resource, max(amount) as amount from requests group by all
    )
select
    window_start,
    namespace,
    pod,
    uid,
    any_value(pods.node) as node,
    resource_class(resource) as class,
    sum(whole_gpus(amount, resource, units.gpu_model, plain_gpu)) as gpus
from containers
inner join pods using (namespace, pod, uid)
inner join units using (node)
group by window_start, namespace, pod, uid, resource_class(resource)
