-- Rows, each with the start of the step that its time lies in; or those of the newest step of each cluster;
-- or all as one step. Where groups are ranked, each row has the place of its group, or none.
select
    {{ relation }}.*,
    {% if ranked %} top.*,
    {% elif ranked is not none %} 1 as place,
    {% endif %}
    {% if pick == "steps" %} timestamp_seconds(floor(unix_timestamp(time) / $step) * $step)
    {% elif pick == "slots" %} timestamp_seconds(floor(unix_timestamp(time) / $slot) * $slot)
    {% elif pick == "calendar" %} timestamp_seconds(calendar.begins)
    {% else %} timestamp_seconds($start)
    {% endif %} as bucket
from {{ relation }}
{% if pick == "calendar" %}
    inner join calendar on calendar.since = unix_timestamp(time) - unix_timestamp(time) % $grain
{% elif pick == "newest" %}
    inner join
        (select cluster, max(time) as time from ledger group by cluster) as newest using (cluster, time)
{% endif %}
{% if ranked %}
    left join
        top
        on {% for dimension in ranked %}
            {{ dimension.sql }} is not distinct from top_{{ dimension.name }}{{ " and" if not loop.last }}
        {% endfor %}
{% endif %}
