-- The pods that a scope shows, as a list tells of them. Where a cluster is late, those run that did when it
-- was collected last.
select
    placed.*
    {% if "held" in joined %}
        ,
        case when not is_running then last_held_at end as completed_at,
        case when is_running then node_pool end as current_node_pool
    {% endif %}
from
    (
        select
            told.id,
            told.number,
            told.cluster,
            told.namespace,
            told.pod as name,
            told.workload,
            told.workload_kind,
            told.workload_id,
            told.project,
            {% if "homes" in joined %} cluster_id, project_id, department, department_id,{% endif %}
            told.node,
            told.node_pool,
            created_at,
            last_held_at,
            {% if "held" in joined %}
                coalesce(
                    held.pod_id is not null
                    or (
                        not is_known_now
                        and unix_timestamp(last_held_at) >= unix_timestamp(known_until) - $late
                    ),
                    false
                ) as is_running,
                allocated_gpus,
            {% endif %}
            cast(null as string) as unknown_text,
            cast(null as timestamp) as unknown_time
        from ({{ rows }}) as told
        {% if "homes" in joined %}
            inner join
                ({{ homes }}) as homes
                on homes.cluster = told.cluster
                and homes.project is not distinct from told.project
        {% endif %}
        {% if "known" in joined %} left join known on known.cluster = told.cluster{% endif %}
        {% if "held" in joined %}
            left join
                (
                    select pod_id, sum(allocated_gpus) as allocated_gpus
                    from held_rows
                    where pod_id is not null
                    group by pod_id
                ) as held
                on held.pod_id = told.id
        {% endif %}
    ) as placed
