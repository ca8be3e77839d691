from collections.abc import Callable

import duckdb
import pyarrow as pa
import pytest

from queries.catalogue import DIMENSIONS
from queries.condition import OPERATORS, Condition
from queries.macros import MACROS


@pytest.mark.parametrize(
    ("operator", "value", "matched"),
    [
        ("==", "team-a", ["team-a"]),
        ("!=", "team-a", ["team-b", "other", None]),
        ("<=", "team-a", ["team-a", "other"]),
        (">=", "team-a", ["team-a", "team-b"]),
        ("=@", "eam", ["team-a", "team-b"]),
        ("!@", "eam", ["other", None]),
        ("=^", "team", ["team-a", "team-b"]),
        ("=$", "-b", ["team-b"]),
    ],
)
def test_an_operator_means_what_it_says(operator: str, value: str, matched: list[str | None]) -> None:
    condition = Condition.parse(f"project{operator}{value}")
    sql = (
        f"select project from (values ('team-a'), ('team-b'), ('other'), (null)) t(project) where {condition.sql('v')}"
    )
    with duckdb.connect() as connection:
        assert [row[0] for row in connection.execute(sql, {"v": condition.value}).fetchall()] == matched


COLUMNS = ("cluster", "node_pool", "node", "gpu_uuid", "gpu_model", "department", "project", "user", "workload")
NO_INSTANCE = {"gpu_instance": pa.nulls(4, pa.string())}
VALUES = ("team-a", "team-b", "other", None)

MEANINGS: dict[str, Callable[[str | None, str], bool]] = {
    "==": lambda told, value: told == value,
    "!=": lambda told, value: told != value,
    "<=": lambda told, value: told is not None and told <= value,
    ">=": lambda told, value: told is not None and told >= value,
    "=@": lambda told, value: told is not None and value in told,
    "!@": lambda told, value: told is None or value not in told,
    "=^": lambda told, value: told is not None and told.startswith(value),
    "=$": lambda told, value: told is not None and told.endswith(value),
}


@pytest.mark.parametrize("operator", MEANINGS)
def test_every_operator_is_of_every_dimension(operator: str) -> None:
    with duckdb.connect() as connection:
        connection.register("rows", pa.table({name: pa.array(VALUES) for name in COLUMNS} | NO_INSTANCE))
        for dimension in DIMENSIONS.values():
            for value in ("team-a", "eam", "", "%", "a", "b"):
                condition = Condition.parse(f"{dimension.name}{operator}{value}")
                sql = f"select {dimension.sql} from rows where {condition.sql('v')}"
                found = [row[0] for row in connection.execute(sql, {"v": condition.value}).fetchall()]
                assert found == [told for told in VALUES if MEANINGS[operator](told, value)], (dimension, value)


@pytest.mark.parametrize(
    ("condition", "matched"),
    [
        (Condition("project", "<", "team-a"), ["other"]),
        (Condition("project", ">", "team-a"), ["team-b"]),
        (Condition.matching("project", "=~", "team-.|x"), ["team-a", "team-b"]),
        (Condition.matching("project", "=~", "team"), []),
        (Condition.matching("project", "!~", "team-.|x"), ["other", None]),
        (Condition("project", "=|", ("team-a", "other")), ["team-a", "other"]),
        (Condition("project", "!=|", ("team-a", "other")), ["team-b", None]),
    ],
)
def test_what_dashboards_ask_beside_means_what_it_says(condition: Condition, matched: list[str | None]) -> None:
    sql = (
        f"select project from (values ('team-a'), ('team-b'), ('other'), (null)) t(project) where {condition.sql('v')}"
    )
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        assert [row[0] for row in connection.execute(sql, {"v": condition.value}).fetchall()] == matched


def test_a_regular_expression_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'\(' is not a regular expression"):
        Condition.matching("project", "=~", "(")


def test_all_operators_are_tried() -> None:
    assert set(OPERATORS) == set(MEANINGS) == {"==", "!=", "<=", ">=", "=@", "!@", "=^", "=$"}


def test_a_value_may_hold_anything() -> None:
    hostile = "'; drop table ledger; --\n=="
    assert Condition.parse(f"project=={hostile}") == Condition("project", "==", hostile)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("project", "is not a condition"),
        ("==team-a", "is not a condition"),
        ("team==a", "unknown field 'team' in 'team==a'; fields are: cluster, "),
    ],
)
def test_what_is_no_condition_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Condition.parse(text)
