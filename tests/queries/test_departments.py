from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.accounting import Accounting
from queries.datasets import TIME
from queries.departments import Department, department_of

START = datetime(2025, 1, 1, tzinfo=UTC)

DEPARTMENTS = (
    Department(name="language", projects=("llm-*", "*speech*")),
    Department(name="rest", projects=("*",), valid_from=START, valid_until=START + timedelta(days=2)),
    Department(name="odd", projects=("100%_*", "a|b", "(x")),
    Department(name="late", projects=("llm-*",), valid_from=START + timedelta(days=1)),
)

NAMES = st.one_of(
    st.sampled_from(["llm-a", "LLM-a", "my speech", "100%_x", "100%ax", "a|b", "(x", "llm-\n", "", "other"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)


@given(NAMES, st.sampled_from([-1, 0, 1, 2, 3]))
def test_a_project_has_the_department_that_the_ledger_tells(project: str, day: int) -> None:
    time = START + timedelta(days=day)
    accounting = Accounting(departments=DEPARTMENTS)
    row = pa.table({"project": [project], "time": pa.array([time], TIME)})
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("row", row)
        for name, table in accounting.relations(["departments"]).items():
            connection.register(name, table)
        told = connection.sql(accounting.joined("select * from row", ["departments"])).to_arrow_table()
    assert department_of(project, DEPARTMENTS, time) == told["department"][0].as_py()


def test_without_departments_there_is_none() -> None:
    assert department_of("llm-a", (), START) is None


@pytest.mark.parametrize("project", ["llm-" + "a" * 100_000, "a" * 100_000])
def test_long_names_take_no_long_time(project: str) -> None:
    stars = (Department(name="stars", projects=("*a*a*a*a*b",)),)
    assert department_of(project, stars, START) is None
