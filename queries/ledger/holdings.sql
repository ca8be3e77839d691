-- Every share of every slot in every run, and the names it goes by in the lake. identity: one number
-- per hour and set of names.
with
    named as (
        select
            allocated.run,
            slots.window_start,
            slots.device,
            parent,
            class = 'uncut' as is_uncut,
            weight,
            share,
            held as held_ratio,
            attribution <> 'none' as is_held,
            is_certain,
            is_seen,
            is_not_ready,
            is_cordoned,
            is_listed or carries_labels and is_seen as is_allocation_known,
            cast(
                case
                    when
                        $utilization_source = 'graphics_engine'
                        or $utilization_source = 'auto'
                        and has_graphics_engine
                    then 'graphics_engine'
                    else 'kernel'
                end as utilization_source
            ) as source,
            'gpu' as kind,
            node_pool,
            slots.node,
            gpu_uuid,
            nullif(gpu_instance, '') as gpu_instance,
            gpu,
            coalesce(slots.gpu_model, nodes.gpu_model) as gpu_model,
            gpu_profile,
            allocated.namespace,
            allocated.pod,
            allocated.uid as pod_uid,
            coalesce(workload, allocated.pod) as workload,
            coalesce(workload_kind, case when allocated.pod is not null then 'Pod' end) as workload_kind,
            coalesce(project, namespace_project(allocated.namespace)) as project,
            "user",
            attribution
        from allocated
        inner join slots using (run, device)
        inner join capacity using (run)
        left join nodes on nodes.node = slots.node
        left join
            pods
            on pods.uid = allocated.uid
            and pods.namespace = allocated.namespace
            and pods.pod = allocated.pod
    )
select
    *,
    dense_rank() over (order by window_start, node, device, attribution, namespace, pod, pod_uid) as identity
from named
