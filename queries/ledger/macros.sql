-- Words that the steps of the booking share. They are each connection's own: two bookings that define them
-- at once would fail.
-- Why time is booked as it is, where that does not follow from the column.
create temp type if not exists reason as enum (
    'not_ready',
    'fault',
    'drained',
    'cordoned',
    'node_holder',
    'shared_estimate',
    'over_fraction',
    'sentinel',
    'no_utilization',
    'exporter_down',
    'gap'
)
;

-- Where time can be booked that was not worked.
create temp type if not exists ledger_column as enum ('idle', 'held', 'free', 'unavailable', 'unknown')
;

-- What a utilization was read from.
create temp type if not exists utilization_source as enum ('graphics_engine', 'kernel')
;

-- The share of a whole GPU that a MIG profile (1g.10gb, or 1g_10gb as Kubernetes spells it) cuts off; an
-- A30 has four slices. Or that a partition of an AMD GPU (cpx_nps4) is; an MI300A has six compute dies.
create or replace temp macro slice_weight(profile, gpu_model) as (
    case left(profile, 3)
        when 'dpx'
        then 1 / 2
        when 'tpx'
        then 1 / 3
        when 'qpx'
        then 1 / 4
        when 'cpx'
        then 1 / case when regexp_matches(gpu_model, 'MI300A') then 6 else 8 end
        else
            cast(nullif(regexp_extract(profile, '(\d+)g', 1), '') as double)
            / case when regexp_matches(gpu_model, '\bA30\b') then 4 else 7 end
    end
)
;

-- The class of devices that a Kubernetes resource hands out: a MIG profile, the mode of AMD's partitions, or
-- '' for whole GPUs.
create or replace temp macro resource_class(resource) as (
    case
        when starts_with(resource, 'nvidia_com_mig_')
        then substr(resource, 16)
        else regexp_extract(resource, '^amd_com_([dtqc]px)', 1)
    end
)
;

-- The same for a device, by its own profile.
create or replace temp macro device_class(profile) as (
    case
        when regexp_matches(profile, '^[dtqc]px')
        then left(profile, 3)
        else regexp_replace(coalesce(profile, ''), '[^A-Za-z0-9]', '_', 'g')
    end
)
;

-- So many of a Kubernetes resource in whole GPUs; plain_gpu is what one GPU of the plain resource is
-- worth.
create or replace temp macro whole_gpus(amount, resource, gpu_model, plain_gpu) as (
    amount
    * case
        when resource_class(resource) <> '' then slice_weight(resource_class(resource), gpu_model) else plain_gpu
    end
)
;

-- The value of the first of these labels that is there.
create or replace temp macro first_label(labels, names) as (
    list_filter(list_transform(names, lambda name: labels[name]), lambda value: value <> '')[1]
)
;

-- A project by its namespace: Run:ai's namespaces are runai-<project>.
create or replace temp macro namespace_project(namespace) as (regexp_replace(namespace, '^runai-', ''))
;

-- The start and the end of the step that a time lies in.
create or replace temp macro floor_to(time, step) as (time - time % step)
;

create or replace temp macro ceil_to(time, step) as (time + step - 1 - (time + step - 1) % step)
;

-- The first of these labels that is there: what it names, and of which kind that is.
create or replace temp macro first_labelled(labels, names) as (
    list_filter(
        list_transform(names, lambda entry: {'name': labels[entry.label], 'kind': entry.kind}),
        lambda found: found.name <> ''
    )[1]
)
;

-- What the first pattern (as in team-*) that fits a name stands for; null where none does. A * there is
-- what the pattern's * stood for.
create or replace temp macro first_match(name, rules) as (
    list_transform(
        list_filter(rules, lambda rule: regexp_matches(name, rule.expression)),
        lambda rule: replace(rule.project, '*', regexp_extract(name, rule.expression, 1))
    )[1]
)
;

-- Namespaces of pods that reserve whole GPUs for pods that request fractions, and do no work.
create or replace temp macro is_reserved(namespace) as (
    coalesce(namespace in ('runai-reservation', 'kai-resource-reservation'), false)
)
;

-- A number rounded to so many steps of one.
create or replace temp macro to_grid(value, steps) as (round(value * steps) / steps)
;
