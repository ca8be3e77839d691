import uuid
from functools import cache

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.ids import (
    CLUSTER,
    DEPARTMENT,
    NODE,
    NODE_POOL,
    POD,
    PROJECT,
    WORKLOAD,
    Kind,
    cluster_id,
    department_id,
    node_id,
    node_pool_id,
    pod_id,
    project_id,
    workload_id,
)

KINDS = [CLUSTER, NODE_POOL, NODE, DEPARTMENT, PROJECT, WORKLOAD, POD]


@cache
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def in_sql(kind: Kind, names: list[str | None]) -> str | None:
    columns = [f"${place}::varchar" for place in range(1, len(names) + 1)]
    row = engine().execute(f"select {kind.sql(*columns)}", names).fetchone()
    assert row
    answer: str | None = row[0]
    return answer


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_id_is_the_same_in_python_and_in_sql(kind: Kind) -> None:
    @given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1, max_size=4))
    def agree(drawn: list[str]) -> None:
        names: list[str | None] = [*drawn, *[None] * 4][: len(kind.names) - 1]
        assert in_sql(kind, [*names, drawn[-1]]) == kind.id(*names, drawn[-1])

    agree()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_has_no_name_has_no_id_in_sql(kind: Kind) -> None:
    assert in_sql(kind, ["x"] * (len(kind.names) - 1) + [None]) is None


def test_an_id_stays_what_it_was() -> None:
    """Whoever changes this breaks the ids in every script: they would need a migration."""
    assert project_id("alpha", "llm") == "57f966ba-7e31-4dc6-e464-13c4765e1b17"
    assert workload_id("alpha", None, "SlurmJob", "17") == "48dd8588-5c74-2079-9192-7825d18412ff"


def test_different_names_have_different_ids() -> None:
    ids = [
        cluster_id("a"),
        node_pool_id("a", "a"),
        node_id("a", "a"),
        department_id("a", "a"),
        project_id("a", "a"),
        project_id("aa", ""),
        project_id("", "aa"),
        workload_id("a", "b", "c", "d"),
        workload_id("a", "bc", "", "d"),
        pod_id("a", "b", "c"),
        pod_id("a", None, "bc"),
    ]
    assert len(set(ids)) == len(ids)


def test_ids_have_the_shape_of_a_uuid() -> None:
    assert str(uuid.UUID(project_id("alpha", "under_score"))) == project_id("alpha", "under_score")
