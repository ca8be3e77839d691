-- For which share of the time that a device was seen in a run its series name which holder (label), and
-- whether they could name any.
with
    per_series as (
        select
            run,
            facts.series,
            device,
            label,
            carries_labels,
            sum(least(facts.until, runs.until) - greatest(facts.since, runs.start)) as covered
        from facts
        inner join labels using (window_start, series)
        inner join devices using (window_start, device)
        inner join runs using (window_start, node)
        where facts.since < runs.until and facts.until > runs.start
        group by all
    ),
    per_label as (
        select run, device, label, max(covered) as covered, bool_or(carries_labels) as carries_labels
        from per_series
        group by all
    ),
    per_device as (
        select run, device, least(sum(covered), any_value(runs.until - runs.start)) as covered
        from per_label
        inner join runs using (run)
        group by run, device
    )
select run, device, label, carries_labels, least(1, per_label.covered / per_device.covered) as share
from per_label
inner join per_device using (run, device)
