-- What was told of the states of each workload until the end of the window: its newest one, and since
-- when it is in which.
select
    cluster,
    coalesce(namespace, '') as namespace,
    workload_kind,
    workload,
    max(project) as known_project,
    max("user") as known_user,
    max(time) as changed_at,
    max_by(state, place) as state,
    max(case when state = 'submitted' then time end) as submitted_at,
    max(case when state = 'running' then time end) as last_started_at,
    max(case when state = 'ended' then time end) as last_ended_at,
    max_by(reason, case when state = 'ended' then place end) as last_reason,
    max_by(queue_seconds, case when state = 'running' then place end) as last_queue_seconds,
    max_by(requested_gpus, place) as requested_gpus,
    count(case when state = 'running' then 1 end) as starts
from
    (
        select *, {% include "place_of_change.sql" %} as place
        from ({{ changes }}) as every_change
        where
            time < timestamp_seconds($end)
            {% for condition in change_conditions %} and {{ condition }}{% endfor %}
            {% if is_chosen %}
                and (cluster, coalesce(namespace, ''), workload_kind, workload)
                in (select cluster, namespace, workload_kind, workload from chosen)
            {% endif %}
    ) as told_changes
group by cluster, coalesce(namespace, ''), workload_kind, workload
