-- What is told in newer files, with what was known of the same before, and in which row that stands.
with
    newer as materialized({{ newer }}),
    known as materialized(select rowid as number, * from {{ kept }} where id in (select id from newer)),
    everything as (
        select *
        from newer
        union all by name
        select * exclude (number)
        from known
    )
select number, merged.*
from ({{ merged }}) as merged
left join (select number, id from known) as places using (id)
