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
            is_estimated,
            is_seen,
            is_not_ready,
            is_drained,
            is_cordoned or is_drained as is_cordoned,
            coalesce(is_faulty, false) as is_faulty,
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
            holder,
            nullif(holders.namespace, '') as namespace,
            pod,
            uid as pod_uid,
            workload,
            workload_kind,
            project,
            "user",
            attribution
        from allocated
        inner join slots using (run, device)
        inner join capacity using (run)
        left join health on health.run = slots.run and health.device = slots.device
        left join nodes on nodes.node = slots.node
        left join holders using (holder)
    )
select *, dense_rank() over (order by window_start, node, device, attribution, holder) as identity
from named
