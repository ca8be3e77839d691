-- For each metric, step and group: between which values the least one lies that a share of the weight stays
-- at or below. Of values of like weight a few are marked, of which it is known how many are no greater and
-- how many are no less. Where all weights are the same, the bounds meet.
with
    ledger as ({{ ledger }}),
    picked as ({{ picked }}),
    parts as (
        {% for metric in metrics %}
            {{ "union all" if not loop.first }}
            select
                {{ group }},
                '{{ metric.name }}' as metric,
                max(time) as newest,
                count(*) as amount,
                min(weight) as lightest,
                sum(weight) as weight,
                percentile_approx(value, $marks, {{ accuracy }}) as marked
            from ({{ weighted[metric.name] }}) as weighted
            where value is not null and weight > 0
            group by {{ group }}, floor(weight)
        {% endfor %}
    ),
    numbered as (select *, explode(sequence(1, size(marked))) as mark from parts),
    marks as (
        select
            *,
            element_at(marked, mark) as value,
            greatest(1, ceil(amount * element_at($marks, mark))) as rank,
            case
                when mark > 1 then greatest(1, ceil(amount * element_at($marks, mark - 1))) else 0
            end as rank_before,
            case
                when mark < size(marked)
                then greatest(1, ceil(amount * element_at($marks, mark + 1)))
                else amount + 1
            end as rank_after
        from numbered
    ),
    reached as (
        select
            *,
            sum(case when mark = 1 then weight end) over (partition by {{ group }}, metric) as whole,
            sum((rank - rank_before) * lightest) over (
                partition by {{ group }}, metric order by value
            ) as no_greater,
            sum((rank_after - rank) * lightest) over (
                partition by {{ group }}, metric order by value desc
            ) as no_less
        from marks
    )
select
    {{ group }},
    metric,
    max(newest) as latest,
    max(whole) as whole,
    max(case when no_less > (1 - $share) * whole then value end) as low,
    min(case when no_greater >= $share * whole then value end) as high
from reached
group by {{ group }}, metric
