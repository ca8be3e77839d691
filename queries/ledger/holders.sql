-- Who can hold GPUs: the pods that the scheduler knows, those that exporters name and it does not, and
-- the jobs of other schedulers. One row and number each, with whose it is.
-- A workload is what stands at the end of the chain of owners (a Deployment behind a ReplicaSet, a
-- CronJob behind a Job), or what a framework's own label names.
with recursive
    pods as (
        select
            namespace,
            pod,
            uid,
            any_value(node) as node,
            any_value(owner_kind) as owner_kind,
            any_value(owner_name) as owner_name,
            any_value(first_label(labels, $project_labels)) as project,
            any_value(first_label(labels, $user_labels)) as user,
            any_value(first_labelled(labels, $workload_labels)) as labelled
        from pod_facts
        group by namespace, pod, uid
    ),
    chains as (
        select distinct namespace, owner_kind as kind, owner_name as name, owner_kind, owner_name, 0 as height
        from pods
        where owner_name is not null
        union all
        select chains.namespace, chains.kind, chains.name, owners.owner_kind, owners.owner_name, height + 1
        from chains
        inner join
            owners
            on owners.namespace = chains.namespace
            and owners.kind = chains.owner_kind
            and owners.name = chains.owner_name
        where height < 5
    ),
    tops as (
        select
            namespace,
            kind as owner_kind,
            name as owner_name,
            arg_max(chains.owner_kind, height) as top_kind,
            arg_max(chains.owner_name, height) as top_name
        from chains
        group by all
    ),
    jobs as (
        select
            workload_kind,
            workload,
            any_value(nullif(name, '')) as name,
            arg_min("user", regexp_matches("user", '^[0-9]+$')) filter ("user" <> '') as user,
            any_value(nullif(account, '')) as account
        from job_facts
        group by all
    ),
    named as (
        select namespace, pod, pod_uid as uid, count(pod_uid) over (partition by namespace, pod) as uids
        from (select distinct namespace, pod, pod_uid from labels where pod is not null)
    ),
    every_holder as (
        select
            namespace,
            pod,
            uid,
            node,
            coalesce(labelled.name, top_name, pod) as workload,
            coalesce(labelled.kind, top_kind, 'Pod') as workload_kind,
            owner_kind,
            owner_name,
            pods.project,
            pods.user,
            false as is_job
        from pods
        left join tops using (namespace, owner_kind, owner_name)
        union all by name
        select namespace, pod, uid, pod as workload, 'Pod' as workload_kind, false as is_job
        from named
        anti join pods using (namespace, pod)
        where uid is not null or uids = 0
        union all by name
        select workload, workload_kind, account as namespace, user, true as is_job
        from (select distinct workload, workload_kind from labels where workload is not null)
        left join jobs using (workload, workload_kind)
    )
select
    row_number() over (order by every_holder.namespace, pod, uid, workload_kind, workload) as holder,
    is_job,
    case when not is_job then every_holder.namespace end as namespace,
    pod,
    uid,
    node,
    workload,
    workload_kind,
    owner_kind,
    owner_name,
    coalesce(every_holder.project, namespaces.project) as project,
    "user"
from every_holder
left join namespaces on namespaces.namespace = every_holder.namespace
where not is_reserved(case when not is_job then every_holder.namespace end)
