-- Each pod once, by what was told of it last. It makes of rows like its own what it makes of all that
-- those were made of.
select
    cluster,
    namespace,
    pod,
    max(place) as place,
    arg_max_null(workload_kind, place) as workload_kind,
    arg_max_null(workload, place) as workload,
    arg_max_null(project, place) as project,
    arg_max_null(node, place) as node,
    arg_max_null(node_pool, place) as node_pool,
    min(first_held_at) as first_held_at,
    min(first_held_at) as created_at,
    max(last_held_at) as last_held_at
from {{ rows }} as told
group by cluster, namespace, pod
