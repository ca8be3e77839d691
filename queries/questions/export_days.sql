-- How many rows of a dataset there are of each day.
select cast({{ clock }} as date) as day, count(*) as rows
from ({{ dataset }})
where
    {{ clock }} >= timestamp_seconds($start) and {{ clock }} < timestamp_seconds($end)
    {% for condition in conditions %} and {{ condition }}{% endfor %}
group by cast({{ clock }} as date)
order by day
