"""What is found gets rows, and rules become what may be seen."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from queries.control.database import Control
from queries.control.organisation import NOTHING, Found, create_tenant, register, scope_of
from queries.control.places import find_place
from queries.control.roles import VIEWER
from queries.control.rules import Grant, Place, ScopeType
from queries.control.tables import Cluster, NodePool, Project
from queries.control.tables import Department as DepartmentRow
from queries.departments import Department
from queries.ids import cluster_id, department_id, node_pool_id, project_id
from queries.scope import EVERYTHING, Scope

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

DEPARTMENTS = (
    Department(name="language", projects=("llm*",)),
    Department(name="science", projects=("*",), valid_until=HOUR - timedelta(days=1)),
    Department(name="vision", projects=("cv-?",), valid_from=HOUR + timedelta(days=1)),
)

HOSTILE = "x" * 100_000 + "'; drop table projects; -- \N{SNOWMAN}"

FOUND = Found.of_rows(
    [
        {"cluster": "alpha", "node_pool": "h100", "project": "llm-a"},
        {"cluster": "alpha", "node_pool": None, "project": "biology"},
        {"cluster": "beta", "node_pool": "default", "project": "llm-b"},
        {"cluster": "beta", "node_pool": "default", "project": HOSTILE},
        {"cluster": "beta", "node_pool": "default", "project": "nul\0"},
        {"cluster": "gamma", "node_pool": None, "project": None},
    ]
)


@pytest.fixture
def organised(control: Control) -> Control:
    register(control, FOUND, DEPARTMENTS)
    return control


def see(control: Control, kind: ScopeType, scope_id: str, tenant_id: int = 1) -> Scope:
    with control.session() as session:
        return scope_of(session, tenant_id, [Grant(VIEWER, kind, scope_id)], DEPARTMENTS)


def test_what_is_found_has_the_ids_that_its_names_say(organised: Control) -> None:
    with organised.session() as session:
        assert session.get_one(Cluster, cluster_id("gamma")).name == "gamma"
        assert session.get_one(NodePool, node_pool_id("alpha", "h100")).cluster_id == cluster_id("alpha")
        assert session.get_one(Project, project_id("beta", HOSTILE)).name == HOSTILE
        assert session.get_one(DepartmentRow, department_id("gamma", "language")).name == "language"
        assert session.scalar(select(func.count()).select_from(Project)) == 4


def test_it_is_found_once_however_many_look(control: Control) -> None:
    problems: list[BaseException] = []

    def look() -> None:
        try:
            register(control, FOUND, DEPARTMENTS)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with control.session() as session:
        assert session.scalar(select(func.count()).select_from(Cluster)) == 3


def test_a_project_is_as_old_as_what_is_seen_of_it_also_where_that_is_collected_later(control: Control) -> None:
    def seen(first: datetime) -> Found:
        row = {"cluster": "alpha", "project": "llm", "first_seen": first, "last_seen": HOUR}
        return Found.of_rows([row])

    def made() -> datetime:
        with control.session() as session:
            return session.get_one(Project, project_id("alpha", "llm")).created_at

    for first in (HOUR, HOUR - timedelta(days=30), HOUR - timedelta(days=2)):
        register(control, seen(first), DEPARTMENTS)
    assert made() == HOUR - timedelta(days=30)
    with control.session() as session:
        session.get_one(Project, project_id("alpha", "llm")).created_by = "ada@example.com"
    register(control, seen(HOUR - timedelta(days=60)), DEPARTMENTS)
    assert made() == HOUR - timedelta(days=30)


def test_a_rule_shows_its_scope(organised: Control) -> None:
    assert see(organised, "tenant", "1") is EVERYTHING
    assert see(organised, "cluster", cluster_id("alpha")) == Scope(frozenset({("alpha", None)}))
    assert see(organised, "project", project_id("beta", "llm-b")) == Scope(frozenset({("beta", "llm-b")}))
    assert see(organised, "project", "made-up") is NOTHING


def test_a_department_shows_the_projects_that_it_has_today(organised: Control) -> None:
    assert see(organised, "department", department_id("alpha", "language")) == Scope(frozenset({("alpha", "llm-a")}))
    assert see(organised, "department", department_id("alpha", "science")) is NOTHING
    with organised.session() as session:
        session.get_one(Project, project_id("alpha", "llm-a")).department_id = department_id("alpha", "vision")
    assert see(organised, "department", department_id("alpha", "language")) is NOTHING
    assert see(organised, "department", department_id("alpha", "vision")) == Scope(frozenset({("alpha", "llm-a")}))


def test_a_tenant_sees_nothing_of_another(organised: Control) -> None:
    other = create_tenant(organised, "other").id
    assert see(organised, "tenant", str(other), other) is NOTHING
    with organised.session() as session:
        session.get_one(Cluster, cluster_id("beta")).tenant_id = other
    assert see(organised, "tenant", str(other), other) == Scope(frozenset({("beta", None)}))
    assert see(organised, "tenant", "1") == Scope(frozenset({("alpha", None), ("gamma", None)}))
    for kind, scope_id in (
        ("tenant", "1"),
        ("cluster", cluster_id("alpha")),
        ("project", project_id("alpha", "llm-a")),
        ("department", department_id("alpha", "language")),
    ):
        assert see(organised, kind, scope_id, other) is NOTHING  # type: ignore[arg-type]  # they are
        with organised.session() as session:
            assert find_place(session, other, kind, scope_id, DEPARTMENTS) is None


def test_a_place_names_all_that_it_lies_in(organised: Control) -> None:
    with organised.session() as session:
        found = find_place(session, 1, "project", project_id("alpha", "llm-a"), DEPARTMENTS)
    assert found
    assert found.place == Place(
        1, cluster_id("alpha"), department_id("alpha", "language"), project_id("alpha", "llm-a")
    )
    assert found.place.lies_in("department", department_id("alpha", "language"))
    assert not found.place.lies_in("department", department_id("beta", "language"))
    assert not Place(1).lies_in("cluster", cluster_id("alpha"))
