-- Hourly rows summed by what most questions are about, which is far less than rows of each GPU and holder.
select
    {% for key in keys %} {{ key }},{% endfor %}
    {% for column in summed_columns %} sum({{ column }}) as {{ column }},{% endfor %}
    {% for column in smallest %} min({{ column }}) as {{ column }},{% endfor %}
    {% for column in largest %} max({{ column }}) as {{ column }}{{ "," if not loop.last }}{% endfor %}
from {{ rows }}
group by {% for key in keys %} {{ key }}{{ "," if not loop.last }}{% endfor %}
order by cluster, time
