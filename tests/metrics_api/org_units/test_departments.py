"""Departments over HTTP; and those that were made count in the ledger and in access rules as those of the settings."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from queries.ids import cluster_id, department_id, project_id
from queries.window import format_time
from tests.live import OPEN, START
from tests.metrics_api.community import Community

DEPARTMENTS, PROJECTS = "/api/v1/org-unit/departments", "/api/v1/org-unit/projects"
ALPHA = cluster_id("alpha")
SPAN: dict[str, Any] = {"start": format_time(START), "end": format_time(OPEN.start)}
LANGUAGE = department_id("alpha", "language")


def ids(client: TestClient, query: str = "") -> set[str]:
    return {each["id"] for each in client.get(f"{DEPARTMENTS}?{query}").json()["departments"]}


def test_those_of_the_settings_are_listed(admin: TestClient) -> None:
    of_beta = department_id("beta", "language")
    assert ids(admin) == {LANGUAGE, of_beta}
    assert ids(admin, f"filterBy=clusterId=={ALPHA}") == {LANGUAGE}
    assert ids(admin, "filterBy=avgGpuAllocation7d>=2") == {LANGUAGE}
    assert ids(admin, "filterBy=totalGpuQuota==4,gpuAllocated==2") == {LANGUAGE}
    order = admin.get(f"{DEPARTMENTS}?sortBy=avgGpuUtilization24h&sortOrder=desc").json()["departments"]
    assert [each["id"] for each in order] == [of_beta, LANGUAGE]
    assert admin.get(f"{DEPARTMENTS}/count?filterBy=gpuAllocated<=1").json() == {"count": 1}
    department = admin.get(f"{DEPARTMENTS}/{LANGUAGE}").json()
    assert department["children"] == [{"id": project_id("alpha", "a"), "name": "a"}]
    assert department["overtimeData"]["range24hData"]["averageGpuUtilization"] == pytest.approx(75)
    assert department["status"]["quotaStatus"]["allocated"]["gpu"] == 2


def test_verbosity_leaves_out(admin: TestClient) -> None:
    for verbosity, has in (("meta", (False, False)), ("brief", (False, True)), ("verbose", (True, True))):
        told = admin.get(f"{DEPARTMENTS}?verbosity={verbosity}").json()["departments"][0]
        assert (told["children"] is not None, told["overtimeData"] is not None) == has


def test_a_department_that_was_made_counts_everywhere(people: Community, admin: TestClient) -> None:
    made = admin.post(DEPARTMENTS, json={"name": "vision", "clusterId": ALPHA, "resources": [{"gpu": {"deserved": 9}}]})
    assert made.status_code == 201, made.text
    vision, b = made.json()["id"], project_id("alpha", "b")
    assert made.json()["totalResources"]["gpuQuota"] == 9
    rule = {"subjectId": "nobody@example.com", "subjectType": "user", "roleId": 2}
    scope = {"scopeType": "department", "scopeId": vision}
    assert admin.post("/api/v1/authorization/access-rules", json=rule | scope).status_code == 201
    head = people.client("nobody")
    by_project = SPAN | {"by": "cluster,project"}
    assert head.get("/api/v1/ledger", params=by_project).json()["data"] == []
    assert admin.put(f"{PROJECTS}/{b}", json={"parentId": vision, "resources": []}).json()["parentId"] == vision

    rows = admin.get("/api/v1/ledger", params=SPAN | {"by": "department"}).json()["data"]
    hours = (OPEN.start - START).total_seconds() / 3600
    assert {row["department"]: row["allocated_gpu_hours"] for row in rows}["vision"] == pytest.approx(1.5 * hours)
    where = SPAN | {"by": "project", "where": "department==vision"}
    assert [row["project"] for row in admin.get("/api/v1/ledger", params=where).json()["data"]] == ["b"]
    types = SPAN | {"metricType": "GPU_ALLOCATION", "numberOfSamples": 1}
    told = admin.get(f"{DEPARTMENTS}/{vision}/metrics", params=types).json()["measurements"][0]["values"]
    assert told[0]["value"] == "1.5"
    telemetry = f"{DEPARTMENTS}/telemetry?telemetryType=GPU_ALLOCATION&groupBy=DepartmentId"
    groups = {each["groups"][0]["value"]: each["value"] for each in admin.get(telemetry).json()["values"]}
    assert groups[vision] == "1.5"
    workloads = admin.get("/api/v1/workloads?filterBy=departmentName==vision").json()["workloads"]
    assert {(each["projectName"], each["departmentId"]) for each in workloads} == {("b", vision)}
    assert {each["id"] for each in head.get("/api/v1/workloads").json()["workloads"]} == {
        each["id"] for each in workloads
    }

    seen = head.get("/api/v1/ledger", params=by_project).json()["data"]
    assert [(row["cluster"], row["project"]) for row in seen] == [("alpha", "b")]
    assert [each["id"] for each in head.get(PROJECTS).json()["projects"]] == [b]
    assert ids(head) == {vision}
    assert head.put(f"{PROJECTS}/{b}/resources", json=[{"gpu": {"deserved": 3}}]).status_code == 200
    assert head.put(f"{PROJECTS}/{b}/resources", json=[]).status_code == 200

    refused = admin.delete(f"{DEPARTMENTS}/{vision}")
    assert (refused.status_code, refused.json()["code"]) == (409, 409)
    assert "has 1 projects; move or delete them first" in refused.json()["message"]
    back = admin.put(f"{PROJECTS}/{b}", json={"parentId": None, "resources": []}).json()
    assert back["parentId"] is None
    assert admin.delete(f"{DEPARTMENTS}/{vision}").status_code == 204
    assert ids(head) == set()
    assert head.get("/api/v1/ledger", params=by_project).json()["data"] == []
    rows = admin.get("/api/v1/ledger", params=SPAN | {"by": "department"}).json()["data"]
    assert {row["department"] for row in rows} == {"language", None}


def test_those_of_the_configuration_file_are_deleted_there(admin: TestClient) -> None:
    answer = admin.delete(f"{DEPARTMENTS}/{LANGUAGE}")
    assert answer.status_code == 409
    assert answer.json()["message"] == "department 'language' is in the configuration file; take it out there"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "write it on one line"),
        ({"name": " a"}, "without spaces around it"),
        ({"clusterId": "nowhere"}, "field 'clusterId': there is no cluster with the id 'nowhere'"),
        ({"parentId": "x"}, "unknown field 'parentId'"),
    ],
)
def test_what_cannot_be_is_explained(admin: TestClient, body: dict[str, Any], message: str) -> None:
    answer = admin.post(DEPARTMENTS, json={"name": "team", "clusterId": ALPHA, "resources": []} | body)
    assert answer.status_code == 400, answer.text
    assert message in answer.json()["message"]


def test_departments_are_not_searched(admin: TestClient) -> None:
    assert ids(admin, "limit=1") != ids(admin)
    assert admin.get(f"{DEPARTMENTS}?search=x").status_code == 400
