-- The ledger with the department that each row's project belonged to at the time of the row; where the API
-- gives the project a department, with that one.
select
    everything.*,
    {% if has_memberships %} coalesce(memberships.department, belonging.department) as department
    {% else %} belonging.department
    {% endif %}
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
{% if has_memberships %}
    left join
        memberships on memberships.cluster = everything.cluster and memberships.project = everything.project
{% endif %}
