"""Projects over HTTP: listed with what they have and had, made, changed and deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.org_units.rows import PROJECT_COLUMNS
from queries.control.revision import touch
from queries.control.tables import Quota
from queries.ids import cluster_id, department_id, node_pool_id, project_id
from queries.window import format_time, parse_time
from tests.live import NOW, OPEN, START
from tests.metrics_api.community import Community, community
from tests.served import HOSTILE

PROJECTS = "/api/v1/org-unit/projects"
ALPHA, BETA = cluster_id("alpha"), cluster_id("beta")
A, B = project_id("alpha", "a"), project_id("alpha", "b")
OF_BETA = project_id("beta", "a")


@contextmanager
def made(client: TestClient, name: str, **more: Any) -> Iterator[dict[str, Any]]:
    """A project for a moment."""
    answer = client.post(PROJECTS, json={"name": name, "clusterId": ALPHA, "resources": []} | more)
    assert answer.status_code == 201, answer.text
    yield answer.json()
    assert client.delete(f"{PROJECTS}/{answer.json()['id']}").status_code == 204


def ids(client: TestClient, query: str) -> list[str]:
    answer = client.get(f"{PROJECTS}?{query}")
    assert answer.status_code == 200, answer.text
    return [project["id"] for project in answer.json()["projects"]]


def test_what_clusters_show_is_listed(admin: TestClient) -> None:
    assert set(ids(admin, "")) == {A, B, OF_BETA}
    project = admin.get(f"{PROJECTS}/{A}").json()
    assert project["createdAt"] == format_time(START)
    assert project["parent"] == {"id": department_id("alpha", "language"), "name": "language"}
    assert project["parentId"] == department_id("alpha", "language")
    assert project["totalResources"] == {"gpuQuota": 4.0, "cpuQuota": None, "memoryQuota": None}
    assert project["status"]["phase"] == "Ready"
    status = project["status"]["quotaStatus"]
    assert status["allocated"] == {"gpu": 2.0, "cpu": 8000.0, "memory": pytest.approx(16 * 2**30 / 1e6)}
    assert status["requested"] == {"gpu": 2.0, "cpu": None, "memory": None}
    waiting = admin.get(f"{PROJECTS}/{B}").json()
    assert waiting["parentId"] is None
    assert waiting["status"]["quotaStatus"]["requested"]["gpu"] == 9.5
    pools = {each["nodePoolName"]: each["allocated"]["gpu"] for each in waiting["status"]["nodePoolQuotaStatuses"]}
    assert pools == {"a100_80gb": 1.0, "default": 0.5}


def test_averages_are_those_of_the_ledger(admin: TestClient) -> None:
    listed = admin.get(PROJECTS).json()["projects"]
    updated = listed[0]["overtimeData"]["range24hData"]["updatedAt"]
    hours = (min(parse_time(updated), NOW) - START).total_seconds() / 3600
    span = {"start": format_time(START), "end": updated}
    rows = admin.get("/api/v1/ledger", params=span | {"by": "cluster,project"}).json()["data"]
    ledger = {project_id(row["cluster"], row["project"]): row for row in rows if row["project"]}
    asked = span | {"metric": "gpu_memory_utilization_ratio", "by": "cluster,project", "step": "1w", "shape": "rows"}
    told = admin.get("/api/v1/metrics/range", params=asked).json()["data"]
    memory = {project_id(row["cluster"], row["project"]): row for row in told if row["project"]}
    assert {project["id"] for project in listed} == set(ledger)
    for project in listed:
        row = ledger[project["id"]]
        for average in project["overtimeData"].values():
            assert average["averageGpuAllocation"] == pytest.approx(row["allocated_gpu_hours"] / hours)
            used = row["busy_seconds"] / (row["busy_seconds"] + row["idle_seconds"])
            assert average["averageGpuUtilization"] == pytest.approx(100 * used)
            filled = memory[project["id"]]["gpu_memory_utilization_ratio"]
            percent = None if filled is None else pytest.approx(100 * filled)
            assert average["averageGpuMemoryUtilization"] == percent
            assert average["updatedAt"] == updated


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filterBy=name==a", [A, OF_BETA]),
        ("filterBy=name!=a", [B]),
        (f"filterBy=clusterId=={BETA}", [OF_BETA]),
        (f"filterBy=departmentId=={department_id('beta', 'language')}", [OF_BETA]),
        (f"filterBy=parentId!={department_id('beta', 'language')}", [A, B]),
        ("filterBy=parentName=^lang", [A, OF_BETA]),
        ("filterBy=phase==Ready,name=@b", [B]),
        ("filterBy=phase==Creating", []),
        ("filterBy=totalGpuQuota>=4", [A]),
        ("filterBy=gpuAllocated<=1.5", [B, OF_BETA]),
        (f"filterBy=createdAt<={format_time(START)}", [A, B, OF_BETA]),
        (f"filterBy=createdAt>={format_time(NOW)}", []),
        *(
            (f"filterBy=avgGpu{name}{range_}>={least}", found)
            for range_ in ("24h", "7d", "30d")
            for name, least, found in (
                ("Allocation", 2, [A]),
                ("Utilization", 74, [A, OF_BETA]),
                ("MemoryUtilization", 50, [A, B]),
            )
        ),
        ("search=A", [A, OF_BETA]),
        ("search=nothing", []),
        ("limit=2&sortBy=gpuAllocated", [OF_BETA, B]),
        ("limit=2&offset=2&sortBy=gpuAllocated", [A]),
    ],
)
def test_each_filter_finds_what_fits(admin: TestClient, query: str, found: list[str]) -> None:
    assert sorted(ids(admin, query)) == sorted(found)
    if "limit" not in query:
        assert admin.get(f"{PROJECTS}/count?{query}").json() == {"count": len(found)}


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("totalGpuQuota", [A]),
        ("ProjectFilterSortFields.GPUALLOCATED", [A, B, OF_BETA]),
        ("avgGpuAllocation24h", [A, B, OF_BETA]),
        ("AVGGPUUTILIZATION7D", [OF_BETA, A, B]),
        ("name", [B]),
    ],
)
def test_each_field_sorts(admin: TestClient, field: str, order: list[str]) -> None:
    assert ids(admin, f"sortBy={field}&sortOrder=desc")[: len(order)] == order


@pytest.mark.parametrize("column", PROJECT_COLUMNS, ids=lambda column: column.name)
def test_every_field_is_one_to_sort_by(admin: TestClient, column: Any) -> None:
    assert len(ids(admin, f"sortBy={column.name}")) == 3


def test_a_page_says_where_the_next_begins(admin: TestClient) -> None:
    assert admin.get(f"{PROJECTS}?limit=2").json()["next"] == 2
    assert "next" not in admin.get(f"{PROJECTS}?limit=2&offset=2").json()
    assert admin.get(f"{PROJECTS}?filterBy=color==red").json()["message"].startswith("filterBy: unknown field 'color'")


def test_a_project_lives(admin: TestClient) -> None:
    quota = {"gpu": {"deserved": 4, "limit": -1, "overQuotaWeight": 2}, "memory": {"deserved": 64, "units": "GB"}}
    with made(admin, "team-x", description="new", resources=[quota], defaultNodePools=["default"]) as project:
        path = f"{PROJECTS}/{project['id']}"
        assert project["id"] == project_id("alpha", "team-x")
        assert project["createdBy"] == "admin@example.com"
        assert project["totalResources"] == {"gpuQuota": 4.0, "cpuQuota": None, "memoryQuota": 64_000.0}
        assert project["resources"][0]["nodePool"] == {"id": node_pool_id("alpha", "default"), "name": "default"}
        assert project["effective"] == {"defaultNodePools": ["default"]}
        assert project["status"]["quotaStatus"]["allocated"]["gpu"] == 0
        assert project["overtimeData"]["range24hData"]["averageGpuAllocation"] is None, "it is minutes old"
        taken = admin.post(PROJECTS, json={"name": "team-x", "clusterId": ALPHA, "resources": []})
        assert (taken.status_code, taken.json()["code"]) == (409, 409)
        changed = admin.put(path, json={"description": "old", "resources": [{"gpu": {"deserved": 5}}]}).json()
        assert (changed["description"], changed["defaultNodePools"]) == ("old", None)
        assert changed["totalResources"] == {"gpuQuota": 5.0, "cpuQuota": None, "memoryQuota": None}
        pool = {"nodePool": {"id": node_pool_id("alpha", "a100_80gb")}, "gpu": {"deserved": 2}}
        assert admin.patch(f"{path}/resources", json=[pool]).json()["totalResources"]["gpuQuota"] == 7
        assert admin.put(f"{path}/resources", json=[pool]).json()["totalResources"]["gpuQuota"] == 2
        moved = admin.put(path, json={"parentId": department_id("alpha", "language"), "resources": [pool]}).json()
        assert moved["parent"]["name"] == "language"
    assert admin.get(path).status_code == 404
    assert admin.put(path, json={"resources": []}).status_code == 404


def backdate(people: Community, project: str) -> None:
    """As if the quotas had been set before the lake begins, which may end before this hour."""
    with people.app.state.services.control.session() as session:
        session.execute(update(Quota).where(Quota.org_unit_id == project).values(since=START))
        touch(session)
    people.app.state.services.forget()


def test_quotas_are_what_metrics_and_telemetry_answer(people: Community, admin: TestClient) -> None:
    pool = {"nodePool": {"id": node_pool_id("alpha", "a100_80gb")}, "gpu": {"deserved": 2}}
    whole = {"gpu": {"deserved": 5}, "cpu": {"deserved": 4000}, "memory": {"deserved": 10, "units": "GB"}}
    with made(admin, "with-quota", resources=[whole, pool]) as project:
        backdate(people, project["id"])
        for name, value in (("GPU_QUOTA", "7"), ("CPU_QUOTA", "4000"), ("MEMORY_QUOTA", "10000")):
            asked = f"{PROJECTS}/telemetry?telemetryType={name}&groupBy=ProjectId"
            groups = {each["groups"][0]["value"]: each["value"] for each in admin.get(asked).json()["values"]}
            assert groups[project["id"]] == value
            assert groups.get(A) == ("4" if name == "GPU_QUOTA" else None)
        now: dict[str, Any] = {"start": format_time(OPEN.start), "end": format_time(NOW), "numberOfSamples": 1}
        types = now | {"metricType": "GPU_QUOTA,CPU_QUOTA_MILLICORES,CPU_MEMORY_QUOTA_MB"}
        told = admin.get(f"{PROJECTS}/{project['id']}/metrics", params=types).json()["measurements"]
        assert [each["values"][0]["value"] for each in told] == ["7", "4000", "10000"]
        gpus = now | {"metricType": "GPU_QUOTA"}
        for path, value in (
            (f"/api/v1/clusters/{ALPHA}/metrics", "11"),
            (f"/api/v1/clusters/{ALPHA}/nodepools/a100-80gb/metrics", "2"),
        ):
            told = admin.get(path, params=gpus).json()["measurements"]
            assert told[0]["values"][0]["value"] == value, path
        legacy = admin.get(f"/v1/k8s/clusters/{ALPHA}/projects/{project['id']}/metrics").json()["current"]
        assert {each["nodepoolName"]: each["gpu"]["quota"] for each in legacy["resources"]} == {
            "a100_80gb": 2.0,
            "default": 5.0,
        }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "Team"}, "'Team' is no name of a namespace; write 1 to 63 small letters"),
        ({"name": HOSTILE}, "is no name of a namespace"),
        ({"name": "a" * 64}, "is no name of a namespace"),
        ({"requestedNamespace": "-a"}, "'-a' is no name of a namespace"),
        ({"clusterId": "x'; --"}, "field 'clusterId': there is no cluster with the id \"x'; --\""),
        ({"clusterId": cluster_id("gamma")}, "field 'clusterId': there is no cluster"),
        ({"parentId": department_id("beta", "language")}, "field 'parentId': the cluster has no department"),
        ({"resources": [{"gpu": {"deserved": -2}}]}, "resources = -2: Input should be greater than or equal to -1"),
        ({"resources": [{"gpus": {}}]}, "unknown field 'resources.0.gpus'"),
        ({"resources": [{"memory": {"deserved": 1}}]}, "field 'resources.0.memory.units' is missing"),
        ({"resources": [{"nodePool": {"id": "x"}, "gpu": {"deserved": 1}}]}, "cluster 'alpha' has no such node pool"),
        ({"resources": [{"gpu": {}}, {"cpu": {}}]}, "node pool 'default' is there twice"),
        ({"colour": "red"}, "unknown field 'colour'"),
        ({"description": "\0"}, "description"),
        ({"schedulingRules": {"a": "\0"}}, "none of them a NUL"),
    ],
)
def test_what_cannot_be_is_explained(admin: TestClient, body: dict[str, Any], message: str) -> None:
    answer = admin.post(PROJECTS, json={"name": "team-y", "clusterId": ALPHA, "resources": []} | body)
    assert answer.status_code == 400, answer.text
    assert message in answer.json()["message"]
    assert admin.get(f"{PROJECTS}?search=team-y").json()["projects"] == []


def test_who_may_see_a_project_sees_it_alone(people: Community) -> None:
    for name, seen in (("researcher", {A}), ("department-admin", {A}), ("cluster-admin", {A, B}), ("stranger", set())):
        client = people.client(name)
        assert set(ids(client, "")) == seen, name
        assert client.get(f"{PROJECTS}/count").json()["count"] == len(seen)
        assert client.get(f"{PROJECTS}/{OF_BETA}").status_code == 404
    assert ids(people.client("nobody"), "sortBy=gpuAllocated") == []


def test_a_user_that_was_given_a_project_lists_just_it(people: Community, admin: TestClient) -> None:
    """The seeds' own example: a user and a project are made, and the user is given the project."""
    user = admin.post("/api/v1/users", json={"email": "seed@example.com"}).json()
    with made(admin, "seed-project") as project:
        rule = {"subjectId": user["username"], "subjectType": "user", "roleId": 4}
        scope = {"scopeType": "project", "scopeId": project["id"]}
        assert admin.post("/api/v1/authorization/access-rules", json=rule | scope).status_code == 201
        token = people.token("seed", user["tempPassword"])
        theirs = people.with_token(token)
        assert ids(theirs, "") == [project["id"]]
        assert theirs.get(f"{PROJECTS}/{project['id']}").json()["name"] == "seed-project"
    assert ids(theirs, "") == []
    with made(admin, "seed-project"):
        assert ids(theirs, "") == [], "of what is deleted no rule stays"
    admin.delete(f"/api/v1/users/{user['id']}")


def test_who_makes_a_deleted_project_again_may_do_so_in_its_cluster(people: Community, admin: TestClient) -> None:
    """Whoever has a project has its past."""
    with made(admin, "a-secret"):
        pass
    body = {"name": "a-secret", "clusterId": ALPHA, "resources": []}
    assert people.client("department-admin").post(PROJECTS, json=body).status_code == 403
    fresh = body | {"name": "a-fresh"}
    answer = people.client("department-admin").post(PROJECTS, json=fresh)
    assert answer.status_code == 201, "of the department that the configuration file says"
    assert admin.delete(f"{PROJECTS}/{answer.json()['id']}").status_code == 204


def test_nobody_moves_a_project_to_where_they_may_not(people: Community, admin: TestClient) -> None:
    department = {"name": "other", "clusterId": ALPHA, "resources": []}
    other = admin.post("/api/v1/org-unit/departments", json=department).json()["id"]
    body = {"parentId": other, "resources": []}
    assert people.client("department-admin").put(f"{PROJECTS}/{A}", json=body).status_code == 400
    assert people.client("project-admin").put(f"{PROJECTS}/{A}", json=body).status_code == 400
    assert admin.delete(f"/api/v1/org-unit/departments/{other}").status_code == 204


def test_a_project_that_a_cluster_shows_may_have_any_name(tmp_path: Path) -> None:
    with community(tmp_path, is_filled=True) as people:
        admin, identifier = people.client("admin"), project_id("beta", HOSTILE)
        path = f"{PROJECTS}/{identifier}"
        assert admin.get(path).json()["name"] == HOSTILE
        wanted = {"filterBy": f"name=={HOSTILE}", "search": HOSTILE[5:20]}
        assert [each["id"] for each in admin.get(PROJECTS, params=wanted).json()["projects"]] == [identifier]
        assert admin.put(f"{path}/resources", json=[{"gpu": {"deserved": 1}}]).status_code == 200
        asked = {"start": "2025-03-03", "end": "2025-03-03T04:00:00Z", "by": "project"}
        before = admin.get("/api/v1/ledger", params=asked).json()["data"]
        assert admin.delete(path).status_code == 204
        assert admin.get(path).status_code == 404
        assert admin.get("/api/v1/ledger", params=asked).json()["data"] == before, "its past stays"
        assert identifier not in ids(admin, "")


def test_another_process_sees_what_was_made(people: Community, admin: TestClient) -> None:
    settings = people.app.state.services.settings
    other = create_app(settings)
    token = {"Authorization": admin.headers["Authorization"]}
    with TestClient(other, headers=token) as elsewhere, pytest.MonkeyPatch.context() as patch:
        patch.setattr("queries.control.chart.SECONDS", 0.0)
        before = len(ids(elsewhere, ""))
        with made(admin, "shared") as project:
            assert len(ids(elsewhere, "")) == before + 1
            assert elsewhere.get(f"{PROJECTS}/{project['id']}").status_code == 200
        assert len(ids(elsewhere, "")) == before


def test_a_list_asks_one_question_for_each_range(admin: TestClient, asked: list[str]) -> None:
    with made(admin, "team-z") as project:
        assert len([sql for sql in asked if "born" in sql]) == 3
        del asked[:]
        assert ids(admin, "sortBy=avgGpuAllocation30d")
        quota = [{"gpu": {"deserved": 1}}]
        assert admin.put(f"{PROJECTS}/{project['id']}/resources", json=quota).status_code == 200
        assert not [sql for sql in asked if "born" in sql], "they are remembered"


def test_what_is_asked_again_is_told_as_it_is_by_then(admin: TestClient) -> None:
    query = "filterBy=totalGpuQuota>=1&sortBy=totalGpuQuota&sortOrder=desc"
    assert ids(admin, query) == [A]
    with made(admin, "with-more", resources=[{"gpu": {"deserved": 9}}]) as project:
        assert ids(admin, query) == [project["id"], A]
        assert ids(admin, f"{query}&search=more") == [project["id"]]
    assert ids(admin, query) == [A]
