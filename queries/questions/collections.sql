-- How the collection of each cluster goes: per kind of run how many there were since a time and how many
-- failed, the last one, when one last succeeded, and the last error.
with
    ranked as (
        select
            *,
            unix_timestamp(started_at) + duration_seconds as ended_at,
            row_number() over (
                partition by cluster, kind order by started_at desc, duration_seconds desc
            ) as age,
            row_number() over (
                partition by cluster, kind, success order by started_at desc, duration_seconds desc
            ) as age_alike
        from ({{ collections }})
    )
select
    cluster,
    kind,
    cast(sum(case when unix_timestamp(started_at) >= $counted_since then 1 else 0 end) as bigint) as runs,
    cast(
        sum(
            case when unix_timestamp(started_at) >= $counted_since and not success then 1 else 0 end
        ) as bigint
    ) as failures,
    cast(
        sum(case when unix_timestamp(started_at) >= $counted_since then samples_read else 0 end) as bigint
    ) as samples,
    max(case when success then ended_at end) as succeeded_at,
    max(case when not success then ended_at end) as failed_at,
    max(case when not success and age_alike = 1 then error end) as error,
    max(case when age = 1 then started_at end) as started_at,
    max(case when age = 1 then window_start end) as window_start,
    max(case when age = 1 then window_end end) as window_end,
    bool_or(age = 1 and success) as success,
    max(case when age = 1 then duration_seconds end) as duration_seconds,
    max(case when age = 1 then samples_read end) as samples_read,
    max(case when age = 1 then bytes_read end) as bytes_read,
    max(case when age = 1 then hours_written end) as hours_written,
    max(case when age = 1 then rows_written end) as rows_written,
    max(case when age = 1 then warnings end) as warnings
from ranked
group by cluster, kind
order by cluster, kind
