-- Waste: who held GPUs in vain, in which way, what it cost, and how that is known; the most first.
-- What has a price is in the cost; where nothing of these hours has one it is null.
with
    holdings as ({% include "holdings.sql" %}),
    classes as (
        select *
        from
            (
                values {% for class in classes %} ('{{ class }}'){{ "," if not loop.last }} {% endfor %}
            ) as every_class(class)
    ),
    wasted as (
        select
            holdings.*,
            class,
            {% for unit in units %}
                case
                    class
                    {% for class in classes %} when '{{ class }}' then {{ class }}_{{ unit }} {% endfor %}
                end as wasted_{{ unit }}{{ "," if not loop.last }}
            {% endfor %}
        from holdings
        cross join classes
    )
select
    class,
    {% for column in columns %} {{ column }},{% endfor %}
    {% for column in named %} max({{ column }}) as {{ column }},{% endfor %}
    sum(wasted_seconds) / 3600 as wasted_gpu_hours,
    sum(busy_seconds + idle_seconds + held_seconds) / 3600 as allocated_gpu_hours,
    {% if is_priced %}
        case when sum(wasted_priced_seconds) > 0 then sum(wasted_cost) end as wasted_cost,
        case
            when sum(busy_priced_seconds + idle_priced_seconds + held_priced_seconds) > 0
            then sum(busy_cost + idle_cost + held_cost)
        end as allocated_cost,
        sum(wasted_seconds - wasted_priced_seconds) / 3600 as unpriced_gpu_hours,
    {% else %}
        cast(null as double) as wasted_cost,
        cast(null as double) as allocated_cost,
        sum(wasted_seconds) / 3600 as unpriced_gpu_hours,
    {% endif %}
    cast($currency as varchar(3)) as currency,
    count(
        distinct cluster || '/' || coalesce(namespace, '') || '/' || workload_kind || '/' || workload
    ) as workloads,
    count(distinct cluster || '/' || node || '/' || coalesce(gpu, '')) as gpus,
    sum(busy_seconds) / nullif(sum(busy_seconds + idle_seconds), 0) as gpu_utilization_ratio,
    {% include "evidence.sql" %},
    count(*) over () as found
from wasted
where wasted_seconds > 0
group by class{% for column in columns %}, {{ column }}{% endfor %}
having sum(wasted_seconds) / 3600 >= $min_gpu_hours
order by
    {% if order_by == "cost" %} wasted_cost desc nulls last,{% endif %}
    wasted_gpu_hours desc,
    class
    {% for column in columns %}, {{ column }}{% endfor %}
limit $limit
