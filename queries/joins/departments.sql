-- The ledger with the department that each row's project belonged to at the time of the row.
select everything.*, belonging.department
from ({{ ledger }}) as everything
left join
    (
        select
            projects.project,
            departments.since,
            departments.until,
            min_by(departments.department, departments.place) as department
        from (select distinct project from ({{ plain_ledger }}) as named) as projects
        inner join departments on projects.project like departments.project escape '|'
        group by projects.project, departments.since, departments.until
    ) as belonging
    on belonging.project = everything.project
    and belonging.since <= everything.time
    and belonging.until > everything.time
