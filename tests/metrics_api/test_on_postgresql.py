"""The service with its control database on PostgreSQL."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
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
    ],
)
def test_what_the_database_cannot_have_is_a_bad_request(
    people: Community, method: str, path: str, body: dict[str, str] | None
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
