-- One row per pod: where it ran, whose it is. kube-state-metrics may tell it more than once.
select
    namespace,
    pod,
    uid,
    any_value(node) as node,
    coalesce(any_value(owner_name), pod) as workload,
    coalesce(any_value(owner_kind), 'Pod') as workload_kind,
    coalesce(any_value(first_label(labels, $project_labels)), namespace_project(namespace)) as project,
    any_value(first_label(labels, $user_labels)) as user
from pod_facts
group by namespace, pod, uid
