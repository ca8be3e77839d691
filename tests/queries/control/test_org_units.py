"""Projects, departments and quotas in the control database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queries.assigned import NOBODY
from queries.control import chart as chart_module
from queries.control.chart import Chart, Charts
from queries.control.database import Control, NameTakenError
from queries.control.departments import InUseError, create_department, delete_department
from queries.control.organisation import Found, register, scope_of
from queries.control.projects import create_project, delete_project
from queries.control.quotas import Amount, set_quotas
from queries.control.roles import VIEWER
from queries.control.rules import Grant, NewRule, add_rule, list_rules
from queries.control.tables import Cluster, Project
from queries.departments import Department
from queries.ids import cluster_id, department_id, node_pool_id, project_id
from queries.scope import Scope
from queries.window import HOUR, Window

NOW = datetime.now(UTC)
CONFIGURED = (Department(name="language", projects=("llm*",)),)
UNIT: dict[str, Any] = {"description": "", "settings": {}, "amounts": {}, "created_by": "ada"}
POOL = node_pool_id("alpha", "default")


@pytest.fixture
def organised(control: Control) -> Control:
    found = Found(frozenset({"alpha"}), frozenset({("alpha", "default")}), frozenset({("alpha", "llm-a")}))
    register(control, found, CONFIGURED)
    return control


def alpha(control: Control) -> Cluster:
    with control.session() as session:
        return session.get_one(Cluster, cluster_id("alpha"))


def newest(control: Control) -> Chart:
    return Charts(control, CONFIGURED).newest


def test_a_name_is_taken_once_in_a_cluster(organised: Control) -> None:
    with pytest.raises(NameTakenError, match="cluster 'alpha' has a project 'llm-a' already"):
        create_project(organised, alpha(organised), "llm-a", department=None, **UNIT)
    with pytest.raises(NameTakenError, match="has a department 'language' already"):
        create_department(organised, alpha(organised), "language", **UNIT)


def test_the_api_says_the_department_before_the_configuration(organised: Control) -> None:
    vision = create_department(organised, alpha(organised), "vision", **UNIT)
    create_project(organised, alpha(organised), "llm-b", department=vision.id, **UNIT)
    chart = newest(organised)
    places = {unit.row.name: unit.place.department for unit in chart.project_units.values()}
    assert places == {"llm-a": department_id("alpha", "language"), "llm-b": vision.id}
    assert chart.assigned.memberships == {("alpha", "llm-b"): "vision"}
    assert chart.assigned.departments == {("alpha", "vision")}
    assert chart.assigned.projects == {project_id("alpha", "llm-b"): ("alpha", "llm-b")}
    with organised.session() as session:
        scope = scope_of(session, 1, [Grant(VIEWER, "department", vision.id)], CONFIGURED)
    assert scope == Scope(frozenset({("alpha", "llm-b")}))


def test_a_department_with_projects_is_not_deleted(organised: Control) -> None:
    vision = create_department(organised, alpha(organised), "vision", **UNIT)
    project = create_project(organised, alpha(organised), "cv", department=vision.id, **UNIT)
    with pytest.raises(InUseError, match="department 'vision' has 1 projects; move or delete them first"):
        delete_department(organised, vision.id)
    delete_project(organised, project.id)
    delete_department(organised, vision.id)
    assert vision.id not in newest(organised).departments


def test_rules_about_what_is_deleted_are_forgotten(organised: Control) -> None:
    vision = create_department(organised, alpha(organised), "vision", **UNIT)
    with organised.session() as session:
        for kind, scope_id in (("project", project_id("alpha", "llm-a")), ("department", vision.id)):
            add_rule(session, 1, "user", "ada", NewRule(VIEWER.id, kind, scope_id), "root")  # type: ignore[arg-type]
    delete_project(organised, project_id("alpha", "llm-a"))
    delete_department(organised, vision.id)
    assert not list_rules(organised, 1)


def hour_of_deletion(control: Control, identifier: str) -> datetime:
    return Window.hour_of(newest(control).deleted[identifier].deleted_at).start


def seen(last: datetime) -> Found:
    key = ("alpha", "llm-a")
    return Found(frozenset({"alpha"}), projects=frozenset({key}), seen={key: (last - HOUR, last)})


def test_a_deleted_project_is_there_again_once_the_lake_shows_it_later(organised: Control) -> None:
    identifier = project_id("alpha", "llm-a")
    delete_project(organised, identifier)
    hour = hour_of_deletion(organised, identifier)
    register(organised, seen(hour), CONFIGURED)
    assert identifier not in newest(organised).projects
    register(organised, seen(hour + HOUR), CONFIGURED)
    assert identifier in newest(organised).projects
    register(organised, seen(hour), CONFIGURED)
    assert identifier in newest(organised).projects


def test_a_found_project_is_as_old_as_what_shows_it(organised: Control) -> None:
    key = ("alpha", "old")
    born = datetime(2025, 1, 1, tzinfo=UTC)
    register(organised, Found(projects=frozenset({key}), seen={key: (born, NOW)}), CONFIGURED)
    assert newest(organised).projects[project_id(*key)].created_at == born


def quotas_of(control: Control) -> list[tuple[Any, ...]]:
    rows = newest(control).assigned.quotas.to_pylist()
    return [tuple(row[name] for name in ("project", "since", "until", "gpus_quota", "cpu_quota_cores")) for row in rows]


def test_a_quota_counts_from_the_hour_in_which_it_was_set_until_the_next(organised: Control) -> None:
    identifier, forever = project_id("alpha", "llm-a"), datetime(9999, 1, 1, tzinfo=UTC)
    first, second = NOW - timedelta(hours=5), NOW - timedelta(hours=2)
    with organised.session() as session:
        set_quotas(session, identifier, {(POOL, "gpu"): Amount(4), (POOL, "cpu"): Amount(2000)}, first)
        set_quotas(session, identifier, {(POOL, "gpu"): Amount(6)}, second, keeps_others=True)
    hours = [Window.hour_of(time).start for time in (first, second)]
    told = [("llm-a", hours[0], hours[1], 4.0, 2.0), ("llm-a", hours[1], forever, 6.0, 2.0)]
    assert quotas_of(organised) == told
    delete_project(organised, identifier)
    end = hour_of_deletion(organised, identifier)
    assert quotas_of(organised) == [told[0], ("llm-a", hours[1], end, 6.0, 2.0)]


def test_what_is_not_named_any_more_has_no_quota(organised: Control) -> None:
    identifier = project_id("alpha", "llm-a")
    with organised.session() as session:
        set_quotas(session, identifier, {(POOL, "gpu"): Amount(4)}, NOW - timedelta(hours=5))
        set_quotas(session, identifier, {}, NOW)
        set_quotas(session, identifier, {}, NOW)
    assert newest(organised).project_units[identifier].amounts == {}
    hour = Window.hour_of(NOW).start
    assert [row[1:3] for row in quotas_of(organised)] == [(hour - timedelta(hours=5), hour)]


def test_memory_is_counted_in_its_units(organised: Control) -> None:
    identifier = project_id("alpha", "llm-a")
    for units, size in (("Mib", 2**20), ("MB", 10**6), ("GB", 10**9)):
        with organised.session() as session:
            set_quotas(session, identifier, {(POOL, "memory"): Amount(3, units=units)}, datetime.now(UTC))
        assert newest(organised).project_units[identifier].total("memory") == 3 * size


def test_another_process_sees_a_change(organised: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart_module, "SECONDS", 0.0)
    charts = Charts(organised, CONFIGURED)
    before = charts.read()
    assert charts.read() is before
    create_project(organised, alpha(organised), "cv", department=None, **UNIT)
    assert charts.read() is not before
    assert project_id("alpha", "cv") in charts.read().projects


def test_what_is_found_again_is_no_change(organised: Control) -> None:
    charts = Charts(organised, CONFIGURED)
    register(organised, Found(frozenset({"alpha"}), projects=frozenset({("alpha", "llm-a")})), CONFIGURED)
    charts.forget()
    assert charts.read() is charts.newest
    assert charts.newest.revision == charts.read().revision
    with organised.session() as session:
        assert session.get_one(Project, project_id("alpha", "llm-a")).created_by == "system"


def test_nothing_is_assigned_where_nobody_did(organised: Control) -> None:
    assigned = newest(organised).assigned
    assert (assigned.memberships, assigned.departments, assigned.projects) == ({}, frozenset(), {})
    assert assigned.quotas.equals(NOBODY.quotas)
