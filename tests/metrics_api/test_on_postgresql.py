"""The service with its control database on PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.ids import cluster_id
from tests.metrics_api.community import PASSWORD, Community, settings_of, settle
from tests.queries.control.postgres import find_program, postgres


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    if not find_program("postgres") or not find_program("initdb"):
        pytest.skip("there is no PostgreSQL on this machine")
    folder = tmp_path_factory.mktemp("people")
    with postgres(folder) as url:
        settings = settings_of(folder)
        app = create_app(settings.model_copy(update={"store": settings.store.model_copy(update={"control": url})}))
        settle(app.state.services.control)
        with TestClient(app) as client:
            yield Community(app, client)


def test_people_sign_in_and_manage_each_other(people: Community) -> None:
    admin = people.client("admin")
    made = admin.post("/api/v1/users", json={"email": "new@example.com"}).json()
    assert admin.post("/api/v1/users", json={"email": "new@example.com"}).status_code == 409
    rule = {"subjectId": made["username"], "subjectType": "user", "roleId": 5, "scopeType": "tenant", "scopeId": "1"}
    assert admin.post("/api/v1/authorization/access-rules", json=rule).status_code == 201
    token = people.token("new", made["tempPassword"])
    assert people.with_token(token).get("/api/v1/clusters").status_code == 200
    assert admin.post(f"/api/v1/users/{made['id']}/logout").status_code == 204
    assert people.with_token(token).get("/api/v1/clusters").status_code == 401
    log = admin.get("/api/v1/audit/log?filterBy=entity_type==users").json()
    assert [entry["action"] for entry in log["audit_logs"]] == ["create", "create", "sign-out"]
    assert people.client("stranger").get("/api/v1/audit/log?filterBy=entity_type==users").json()["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/users/%00", None),
        ("DELETE", "/api/v1/service-accounts/a%00b", None),
        ("DELETE", "/api/v1/authorization/access-rules/99999999999999999999", None),
        ("POST", "/api/v1/token", {"grantType": "password", "username": "\0", "password": PASSWORD}),
        ("POST", "/api/v1/token", {"grantType": "app_token", "appID": "x" * 100_000, "appSecret": "\0"}),
        ("POST", "/api/v1/users", {"email": "\0@example.com"}),
        ("POST", "/api/v1/service-accounts", {"name": "a\0"}),
        ("GET", "/api/v1/org-unit/projects/a%00b", None),
        ("DELETE", "/api/v1/org-unit/departments/%00", None),
        ("POST", "/api/v1/org-unit/departments", {"name": "a\0", "clusterId": cluster_id("alpha"), "resources": []}),
    ],
)
def test_what_the_database_cannot_have_is_a_bad_request(
    people: Community, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = people.client("admin").request(method, path, json=body)
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["message"]


def test_clusters_and_node_pools_live_and_end(people: Community) -> None:
    admin = people.client("admin")
    source = {"url": "http://127.0.0.1:1", "labels": {"project": ["team"]}}
    made = admin.post("/api/v1/clusters", json={"name": "new", "prometheus": source}).json()
    assert admin.post("/api/v1/clusters", json={"name": "new"}).status_code == 409
    assert admin.get(f"/api/v1/clusters/{made['uuid']}").json()["prometheus"] == source
    pool = {"name": "h100", "clusterId": made["uuid"], "labelKey": "pool", "labelValue": "h100"}
    identifier = admin.post("/api/v1/node-pools", json=pool).json()["id"]
    assert admin.patch(f"/api/v1/node-pools/{identifier}", json={"labelValue": "x"}).json()["labelValue"] == "x"
    assert admin.delete(f"/api/v1/clusters/{made['uuid']}").status_code == 202
    assert admin.get(f"/api/v1/node-pools/{identifier}").status_code == 404
    assert admin.post("/api/v1/clusters", json={"name": "nul", "domain": "a\0b"}).status_code == 400
    assert admin.post("/api/v1/clusters", json={"name": "new"}).status_code == 201
    assert admin.delete(f"/api/v1/node-pools/{identifier}").status_code == 204


def test_departments_and_projects_are_made_and_deleted(people: Community) -> None:
    admin, alpha = people.client("admin"), cluster_id("alpha")
    units = "/api/v1/org-unit"
    quota = [{"gpu": {"deserved": 4}, "memory": {"deserved": 1, "units": "GB"}}]
    department = {"name": "Vision \N{SNOWMAN}", "clusterId": alpha, "resources": quota}
    vision = admin.post(f"{units}/departments", json=department).json()["id"]
    assert admin.post(f"{units}/departments", json=department).status_code == 409
    body = {"name": "team-v", "clusterId": alpha, "parentId": vision, "resources": quota}
    project = admin.post(f"{units}/projects", json=body).json()["id"]
    assert admin.post(f"{units}/projects", json=body).status_code == 409
    patched = admin.patch(f"{units}/projects/{project}/resources", json=[{"gpu": {"deserved": 5}}]).json()
    assert patched["totalResources"] == {"gpuQuota": 5.0, "cpuQuota": None, "memoryQuota": 1000.0}
    listed = admin.get(f"{units}/projects?filterBy=totalGpuQuota>=5,parentName==Vision \N{SNOWMAN}").json()["projects"]
    assert [each["id"] for each in listed] == [project]
    assert admin.delete(f"{units}/departments/{vision}").status_code == 409
    assert admin.delete(f"{units}/projects/{project}").status_code == 204
    assert admin.delete(f"{units}/departments/{vision}").status_code == 204
    assert admin.get(f"{units}/projects/count").json() == {"count": 1}
