-- One row per hour and device that showed itself: where it is (its newest sample tells), its share of a
-- whole GPU, and from which to which time it was seen.
with
    newest as (
        select
            window_start,
            device,
            arg_max(node, until) as node,
            arg_max(gpu, until) as gpu,
            arg_max(gpu_model, until) as gpu_model,
            arg_max(gpu_profile, until) as gpu_profile,
            min(since) as since,
            max(until) as until,
            bool_or(reading in ({{ graphics_engine_readings | join(", ") }})) as has_graphics_engine
        from facts
        inner join gpu_series using (series)
        group by all
    )
select
    newest.*,
    parent,
    gpu_uuid,
    gpu_instance,
    device_class(gpu_profile) as class,
    case when gpu_instance = '' then 1 else slice_weight(gpu_profile, gpu_model) end as weight
from newest
inner join device_ids using (device)
