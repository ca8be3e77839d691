-- The ledger with a row for each quota that the API has set and each step in which it counted. What the
-- sources tell of the same project is left out there.
select
    {% for column in columns %}
        {% if column in stored %}
            case when instead.cluster is null then told.{{ column }} end as {{ column }},
        {% else %} told."{{ column }}",
        {% endif %}
    {% endfor %}
    {% for metric in metrics if not metric.is_stored %}
        cast(null as double) as {{ metric.integral }}, cast(null as double) as {{ metric.seconds }},
    {% endfor %}
from ({{ ledger }}) as told
left join
    (
        select distinct cluster, project, since, until
        from ({{ quotas }}) as set_ones
        where gpus_quota is not null
    ) as instead
    on told.kind = 'project'
    and instead.cluster = told.cluster
    and instead.project = told.project
    and instead.since <= told.time
    and instead.until > told.time
union all by name
select
    'project' as kind,
    times.cluster,
    times.layer,
    times.window_start,
    times.time,
    times.elapsed_seconds,
    quota.project,
    quota.node_pool,
    {% for metric in metrics %}
        quota.{{ metric.name }} * times.elapsed_seconds as {{ metric.integral }},
        case when quota.{{ metric.name }} is not null then times.elapsed_seconds end as {{ metric.seconds }},
    {% endfor %}
from ({{ times }}) as times
inner join
    ({{ quotas }}) as quota
    on quota.cluster = times.cluster
    and quota.since <= times.time
    and quota.until > times.time
