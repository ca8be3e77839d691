import re
from importlib.resources import files
from typing import Any

import duckdb
import pytest

from queries.macros import MACROS


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sequence(1, 3)", [1, 2, 3]),
        ("element_at(['a', 'b'], 1)", "a"),
        ("size([7, 7])", 2),
        ("size(cast([] as integer[]))", 0),
        ("unix_timestamp(timestamp_seconds(1741000000))", 1_741_000_000),
        ("unix_timestamp(timestamp_seconds(1741000000.9))", 1_741_000_000),
        ("regexp_like('gpu-1', '^gpu')", True),
    ],
)
def test_functions_are_what_spark_says_they_are(expression: str, value: object) -> None:
    assert asked(f"select {expression}") == [(value,)]


def test_a_list_is_exploded_into_rows() -> None:
    lists = "values (1, [5, 6]), (2, []), (3, null)"
    assert asked(f"select place, explode(list) from ({lists}) as lists(place, list)") == [(1, 5), (1, 6)]


def test_percentiles_are_values_that_occur() -> None:
    values = "values (3.0), (1.0), (2.0), (4.0), (null)"
    assert asked(f"select percentile_approx(value, [0.25, 0.3, 1.0], 9) from ({values}) as shown(value)") == [
        ([1.0, 2.0, 4.0],)
    ]


def test_questions_call_the_functions_by_the_names_of_spark() -> None:
    """Not by those of DuckDB that macros stand for."""
    words = re.compile(r"\b(unnest|epoch|to_timestamp|quantile_cont|quantile_disc|epoch_us|regexp_matches|len)\s*\(")
    for folder in ("queries.questions", "queries.joins"):
        for file in files(folder).iterdir():
            if file.name.endswith(".sql"):
                assert not words.search(file.read_text()), file.name


def asked(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        return connection.sql(sql).fetchall()
