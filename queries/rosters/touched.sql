-- What is told in newer files, with what was known of the same before, and in which row that stands.
with
    newer as materialized({{ newer }}),
    known as materialized(select rowid as known_number, * from {{ kept }} where id in (select id from newer)),
    everything as (
        select *
        from newer
        union all by name
        select * exclude (known_number)
        from known
    )
select known_number, - row_number() over (order by merged.id) as number, merged.*
from ({{ merged }}) as merged
left join (select known_number, id from known) as places using (id)
