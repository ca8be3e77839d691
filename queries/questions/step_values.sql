-- The value that each group had in each of the finest steps, with the length of that step. Of GPUs, a group
-- had none in the steps that say nothing of it, if one of its clusters was collected then.
with
    collected as (
        select cluster, bucket as time, max(case when layer = 'hour' then 3600 else $slot end) as seconds
        from steps
        group by cluster, bucket
    ),
    lengths as (select time, max(seconds) as seconds from collected group by time),
    slots as (
        select answered.*, lengths.seconds from ({{ values }}) as answered inner join lengths using (time)
    ),
    had as ({{ slots_picked }}),
    members as (
        select
            {% for dimension in by %} {{ dimension.sql }} as {{ dimension.column }},{% endfor %}
            place,
            array_sort(array_agg(distinct cluster)) as clusters
        from picked
        where kind = 'gpu'{% for condition in conditions %} and {{ condition }}{% endfor %}
        group by {% for dimension in by %} {{ dimension.sql }},{% endfor %} place
    ),
    seen as (
        select distinct clusters, time, lengths.seconds
        from (select distinct clusters from members) as sets
        inner join collected on array_contains(clusters, collected.cluster)
        inner join lengths using (time)
    ),
    spans as (
        select clusters, bucket, sum(seconds) as seconds from ({{ seen_picked }}) group by clusters, bucket
    )
{% for metric in metrics %}
        {{ "union all" if not loop.first }}
    select
        bucket,
        {% for dimension in by %} {{ dimension.column }},{% endfor %}
        place,
        time,
        '{{ metric.name }}' as metric,
        {{ metric.name }} as value,
        seconds as weight
    from had
    {% if metric.is_divided_by_time %}
        union all
        select
            known.bucket,
            {% for dimension in by %} known.{{ dimension.column }},{% endfor %}
            known.place,
            known.time,
            '{{ metric.name }}' as metric,
            0 as value,
            spans.seconds - known.seconds as weight
        from
            (
                select
                    bucket,
                    {% for dimension in by %} {{ dimension.column }},{% endfor %}
                    place,
                    max(time) as time,
                    sum(seconds) as seconds
                from had
                where {{ metric.name }} is not null
                group by bucket, {% for dimension in by %} {{ dimension.column }},{% endfor %} place
            ) as known
        inner join
            members on known.place is not distinct from members.place
            {% for dimension in by %}
                and known.{{ dimension.column }} is not distinct from members.{{ dimension.column }}
            {% endfor %}
        inner join spans on spans.clusters = members.clusters and spans.bucket = known.bucket
    {% endif %}
{% endfor %}
