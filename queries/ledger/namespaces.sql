-- The project of each namespace and account: by the configured patterns, the first that fits; else by
-- the namespace's labels; else by its name.
with
    every_namespace as (
        select namespace
        from pod_facts
        union
        select namespace
        from entity_series
        union
        select namespace
        from gpu_series
        union
        select exported_namespace
        from gpu_series
        union
        select account
        from job_facts
    ),
    labelled as (
        select namespace, any_value(first_label(labels, $project_labels)) as project
        from namespace_facts
        group by namespace
    )
select
    namespace, coalesce(first_match(namespace, $projects), project, namespace_project(namespace)) as project
from every_namespace
left join labelled using (namespace)
where namespace <> ''
