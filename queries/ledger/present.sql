-- The devices of each run: those between their first and last sample. A GPU that is cut into MIG
-- instances is its instances, and the slices that were not cut are one more slot, which nobody can
-- hold; it has the GPU's number, negative.
with
    shown as (
        select
            run,
            runs.start,
            runs.until as run_until,
            devices.* exclude (since, until),
            gpu_instance <> '' as is_instance,
            bool_or(gpu_instance <> '') over (partition by run, parent) as is_cut
        from devices
        inner join runs using (window_start, node)
        where devices.since < runs.until and devices.until > runs.start
    ),
    whole_or_cut as (
        select *, sum(weight) over (partition by run, parent) as cut from shown where is_instance = is_cut
    )
select
    run,
    window_start,
    node,
    device,
    parent,
    gpu_uuid,
    gpu_instance,
    gpu,
    gpu_model,
    gpu_profile,
    class,
    weight / greatest(1, cut) as weight,
    has_graphics_engine
from whole_or_cut
union all
select
    run,
    any_value(window_start),
    any_value(node),
    - parent as device,
    parent,
    any_value(gpu_uuid),
    '',
    any_value(gpu),
    any_value(gpu_model),
    null,
    'uncut',
    1 - any_value(cut),
    false
from whole_or_cut
where is_cut and cut < 1 - 1e-9
group by run, parent
