-- The different combinations of names in some rows, with the ids that follow from them.
select
    {% for column in columns %} {{ column }},{% endfor %}
    {% for name, digest in digests.items() %}
        {{ digest }} as {{ name }}_digest{{ "," if not loop.last }}
    {% endfor %}
from
    (
        select distinct {% for column in columns %} {{ column }}{{ "," if not loop.last }}{% endfor %}
        from ({{ rows }}) as every_row
        where {{ condition }}
    )
