-- Rows of a dataset, as they are.
select {% for column in columns %} {{ column }}{{ "," if not loop.last }}{% endfor %}
from ({{ dataset }})
where
    {{ clock }} >= timestamp_seconds($start) and {{ clock }} < timestamp_seconds($end)
    {% for condition in conditions %} and {{ condition }}{% endfor %}
