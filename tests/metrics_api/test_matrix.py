"""Route by role by tenant: who may do what of who may ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.access.routes import ACCESS
from metrics_api.fleet.routes import FLEET
from metrics_api.org_units.routes import ORG_UNITS
from queries.control.access_keys import create_access_key
from queries.control.applications import create_application
from queries.control.clusters import NewCluster, find_cluster, register_cluster
from queries.control.database import Control
from queries.control.departments import create_department
from queries.control.node_pools import create_node_pool
from queries.control.projects import create_project
from queries.control.roles import VIEWER
from queries.control.rules import NewRule, add_rule, list_rules
from queries.control.secret import make_secret
from queries.control.tables import Cluster
from queries.control.users import create_user, find_user, find_user_by_name
from queries.ids import cluster_id, project_id
from tests.metrics_api.community import PASSWORD, RULES, Community, community

ADMINISTRATORS = {"root", "admin"}
OF_TENANTS = {"root", "admin", "stranger"}
OF_A_CLUSTER = {"root", "admin", "cluster-admin"}
OF_A_PROJECT = {"root", "admin", "cluster-admin", "department-admin", "project-admin"}
EVERYBODY = {*RULES, "stranger"}

OF_A_CLUSTER = {"root", "admin", "cluster-admin"}
OF_A_DEPARTMENT = OF_A_CLUSTER | {"department-admin"}

NEW_RULE = {
    "subjectId": "viewer@example.com",
    "subjectType": "user",
    "roleId": VIEWER.id,
    "scopeId": project_id("alpha", "a"),
    "scopeType": "project",
}
MANY_RULES = {
    "payload": {
        "roleId": VIEWER.id,
        "subjects": [{"subjectId": "viewer@example.com", "subjectType": "user"}],
        "scopes": [{"scopeId": project_id("alpha", "a"), "scopeType": "project"}],
    }
}

USERS, ACCOUNTS, APPS = "/api/v1/users", "/api/v1/service-accounts", "/api/v1/apps"
KEYS, ALL_KEYS = "/api/v1/access-keys", "/api/v1/administration/access-keys"
RULES_PATH = "/api/v1/authorization/access-rules"
PROJECTS, DEPARTMENTS = "/api/v1/org-unit/projects", "/api/v1/org-unit/departments"

NEW_UNIT = {"name": "{fresh}", "clusterId": cluster_id("alpha"), "resources": []}
UNIT: dict[str, Any] = {"resources": []}
QUOTAS = [{"gpu": {"deserved": 1}}]

CLUSTERS, POOLS = "/api/v1/clusters", "/api/v1/node-pools"

NEW_POOL = {"name": "{fresh}", "clusterId": cluster_id("alpha"), "labelKey": "pool", "labelValue": "x"}

MAY: dict[tuple[str, str], tuple[set[str], Any]] = {
    ("GET", USERS): (OF_TENANTS, None),
    ("POST", USERS): (OF_TENANTS, {"email": "{fresh}@example.com"}),
    ("GET", f"{USERS}/count"): (OF_TENANTS, None),
    ("GET", f"{USERS}/{{user_id}}"): (ADMINISTRATORS, None),
    ("DELETE", f"{USERS}/{{user_id}}"): (ADMINISTRATORS, None),
    ("POST", f"{USERS}/{{user_id}}/logout"): (ADMINISTRATORS, None),
    ("POST", f"{USERS}/{{user_id}}/password"): (ADMINISTRATORS, None),
    ("GET", ACCOUNTS): (OF_TENANTS, None),
    ("POST", ACCOUNTS): (OF_TENANTS, {"name": "{fresh}"}),
    ("GET", f"{ACCOUNTS}/{{account_id}}"): (ADMINISTRATORS, None),
    ("PATCH", f"{ACCOUNTS}/{{account_id}}"): (ADMINISTRATORS, {"enabled": False}),
    ("DELETE", f"{ACCOUNTS}/{{account_id}}"): (ADMINISTRATORS, None),
    ("POST", f"{ACCOUNTS}/{{account_id}}/secret"): (ADMINISTRATORS, None),
    ("GET", APPS): (OF_TENANTS, None),
    ("POST", APPS): (OF_TENANTS, {"name": "{fresh}"}),
    ("GET", f"{APPS}/{{app_id}}"): (ADMINISTRATORS, None),
    ("PATCH", f"{APPS}/{{app_id}}"): (ADMINISTRATORS, {"enabled": False}),
    ("DELETE", f"{APPS}/{{app_id}}"): (ADMINISTRATORS, None),
    ("POST", f"{APPS}/{{app_id}}/secret"): (ADMINISTRATORS, None),
    ("GET", KEYS): (EVERYBODY, None),
    ("POST", KEYS): (EVERYBODY, {"name": "{fresh}"}),
    ("GET", f"{KEYS}/{{key_id}}"): (set(), None),
    ("DELETE", f"{KEYS}/{{key_id}}"): (set(), None),
    ("POST", f"{KEYS}/{{key_id}}/secret"): (set(), None),
    ("GET", ALL_KEYS): (OF_TENANTS, None),
    ("DELETE", f"{ALL_KEYS}/{{key_id}}"): (ADMINISTRATORS, None),
    ("GET", RULES_PATH): (EVERYBODY, None),
    ("POST", RULES_PATH): (OF_A_PROJECT, NEW_RULE),
    ("GET", f"{RULES_PATH}/count"): (EVERYBODY, None),
    ("POST", f"{RULES_PATH}/batch"): (EVERYBODY, {"ids": ["{rule_id}"], "action": "delete"}),
    ("POST", f"{RULES_PATH}/batch-create"): (EVERYBODY, MANY_RULES),
    ("GET", f"{RULES_PATH}/{{rule_id}}"): (OF_A_PROJECT, None),
    ("DELETE", f"{RULES_PATH}/{{rule_id}}"): (OF_A_PROJECT, None),
    ("GET", "/api/v1/authorization/me/access-rules"): (EVERYBODY, None),
    ("GET", "/api/v1/authorization/me/access-rules/count"): (EVERYBODY, None),
    ("GET", "/api/v1/authorization/roles"): (EVERYBODY, None),
    ("GET", "/api/v2/authorization/roles"): (EVERYBODY, None),
    ("GET", "/api/v1/authorization/roles/{role_id}"): (EVERYBODY, None),
    ("GET", "/api/v1/authorization/permissions"): (EVERYBODY, None),
    ("POST", "/api/v1/authorization/permitted-scopes"): (EVERYBODY, {"resourceType": "project"}),
    ("GET", "/api/v1/audit/log"): (OF_TENANTS, None),
    ("GET", "/api/v1/audit/log/file"): (OF_TENANTS, None),
    ("POST", CLUSTERS): (OF_TENANTS, {"name": "{fresh}"}),
    ("PUT", f"{CLUSTERS}/{{cluster_uuid}}"): (ADMINISTRATORS, {"domain": "example.com"}),
    ("DELETE", f"{CLUSTERS}/{{cluster_uuid}}"): (ADMINISTRATORS, None),
    ("POST", POOLS): (OF_A_CLUSTER, NEW_POOL),
    ("PUT", f"{POOLS}/{{nodepool_id}}"): (OF_A_CLUSTER, {"labelValue": "y"}),
    ("PATCH", f"{POOLS}/{{nodepool_id}}"): (OF_A_CLUSTER, {"labelValue": "y"}),
    ("DELETE", f"{POOLS}/{{nodepool_id}}"): (OF_A_CLUSTER, None),
    ("GET", PROJECTS): (EVERYBODY, None),
    ("POST", PROJECTS): (OF_A_CLUSTER, NEW_UNIT),
    ("GET", f"{PROJECTS}/count"): (EVERYBODY, None),
    ("GET", f"{PROJECTS}/{{project_id}}"): (OF_A_DEPARTMENT | {"viewer"}, None),
    ("PUT", f"{PROJECTS}/{{project_id}}"): (OF_A_DEPARTMENT, UNIT),
    ("DELETE", f"{PROJECTS}/{{project_id}}"): (OF_A_DEPARTMENT, None),
    ("PUT", f"{PROJECTS}/{{project_id}}/resources"): (OF_A_DEPARTMENT, QUOTAS),
    ("PATCH", f"{PROJECTS}/{{project_id}}/resources"): (OF_A_DEPARTMENT, QUOTAS),
    ("GET", DEPARTMENTS): (EVERYBODY, None),
    ("POST", DEPARTMENTS): (OF_A_CLUSTER, NEW_UNIT),
    ("GET", f"{DEPARTMENTS}/count"): (EVERYBODY, None),
    ("GET", f"{DEPARTMENTS}/{{department_id}}"): (OF_A_CLUSTER | {"viewer"}, None),
    ("PUT", f"{DEPARTMENTS}/{{department_id}}"): (OF_A_CLUSTER, UNIT),
    ("DELETE", f"{DEPARTMENTS}/{{department_id}}"): (OF_A_CLUSTER, None),
    ("PUT", f"{DEPARTMENTS}/{{department_id}}/resources"): (OF_A_CLUSTER, QUOTAS),
    ("PATCH", f"{DEPARTMENTS}/{{department_id}}/resources"): (OF_A_CLUSTER, QUOTAS),
    ("POST", "/api/v1/me/password"): (EVERYBODY, {"currentPassword": "correct horse", "newPassword": "correct horse"}),
}
"""Who may, and what is asked with; ids in the path are of things of the first tenant, and of a user called target."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people")) as people:
        yield people


@pytest.fixture(scope="module")
def clients(people: Community) -> dict[str, TestClient]:
    return {name: people.client(name) for name in sorted(EVERYBODY)}


GIVEN: dict[str, Any] = {"description": "", "settings": {}, "amounts": {}, "created_by": "somebody"}
"""Of projects and departments."""


class Ids(dict[str, str]):
    """Ids of fresh things, which are made when their id is asked for."""

    def __init__(self, targets: "Targets", number: int) -> None:
        super().__init__(fresh=f"fresh{number}", role_id="5", user_id=targets.user.id)
        self.targets, self.name = targets, f"target{number}"

    def __missing__(self, kind: str) -> str:
        self[kind] = getattr(self.targets, f"make_{kind.removesuffix('_id').removesuffix('_uuid')}")(self.name)
        return self[kind]


class Targets:
    """Fresh things to do something to."""

    def __init__(self, people: Community) -> None:
        self.people, self.made = people, 0
        self.control: Control = people.app.state.services.control
        self.renew_user()

    def renew_user(self) -> None:
        self.user = create_user(self.control, f"target{self.made}@example.com", make_secret())

    def make(self) -> Ids:
        self.made += 1
        if find_user(self.control, self.user.id) is None:
            self.renew_user()
        return Ids(self, self.made)

    def make_account(self, name: str) -> str:
        return create_application(self.control, name, rules=()).id

    make_app = make_account

    def make_key(self, name: str) -> str:
        return create_access_key(self.control, self.user, name)[0].id

    def make_rule(self, _: str) -> str:
        place = NewRule(VIEWER.id, "project", project_id("alpha", "a"))
        with self.control.session() as session:
            return str(add_rule(session, 1, "user", self.user.username, place, "test").id)

    def make_cluster(self, name: str) -> str:
        return register_cluster(self.control, NewCluster(name, 1, "test")).id

    def make_nodepool(self, name: str) -> str:
        return self.known(create_node_pool(self.control, self.alpha, name, ("pool", name), {}, "test").pool.id)

    def make_project(self, name: str) -> str:
        return self.known(create_project(self.control, self.alpha, f"a-{name}", department=None, **GIVEN).id)

    def make_department(self, name: str) -> str:
        return self.known(create_department(self.control, self.alpha, name, **GIVEN).id)

    @property
    def alpha(self) -> Cluster:
        cluster = find_cluster(self.control, cluster_id("alpha"))
        assert cluster
        return cluster

    def known(self, identifier: str) -> str:
        """At once, to the service."""
        self.people.app.state.services.forget()
        return identifier


@pytest.fixture(scope="module")
def targets(people: Community) -> Targets:
    return Targets(people)


def filled(template: Any, ids: Ids) -> Any:
    if isinstance(template, dict):
        return {name: filled(value, ids) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, ids) for value in template]
    return template.format_map(ids) if isinstance(template, str) and template.startswith("{") else template


def test_every_route_is_in_the_matrix() -> None:
    walked = (*ACCESS, *ORG_UNITS, *(endpoint for endpoint in FLEET if endpoint.resource))
    assert set(MAY) == {(endpoint.method, endpoint.path) for endpoint in walked if not endpoint.is_public}


@pytest.mark.parametrize(("method", "path"), MAY, ids=lambda each: each)
def test_who_may_does_and_who_may_not_is_refused(
    method: str, path: str, people: Community, clients: dict[str, TestClient], targets: Targets
) -> None:
    allowed, body = MAY[method, path]
    if path == "/api/v1/me/password":
        create_user(people.app.state.services.control, "changer@example.com", PASSWORD)
        clients = {"nobody": people.client("changer")}  # whose token ends with it
    assert people.anonymous.request(method, path.replace("{", "").replace("}", ""), json=body).status_code == 401
    for name, client in clients.items():
        ids = targets.make()
        answer = client.request(method, path.format_map(ids), json=filled(body, ids) if body else None)
        if name in allowed:
            assert answer.status_code in (200, 201, 202, 204), (name, answer.text)
        else:
            assert answer.status_code in (400, 403, 404), (name, answer.text)
            assert answer.status_code != 400 or "that you may manage" in answer.json()["message"]
            assert set(answer.json()) <= {"code", "message", "details"}
            assert ids["user_id"] not in answer.text or "{user_id}" in path
        if name == "stranger" and "roles" not in path and "permi" not in path:
            assert "admin@example.com" not in answer.text
            assert "target" not in answer.text


def test_what_is_refused_is_not_done(people: Community, clients: dict[str, TestClient], targets: Targets) -> None:
    control = people.app.state.services.control
    for name in sorted(EVERYBODY - OF_A_PROJECT):
        ids = targets.make()
        gone = clients[name].post(f"{RULES_PATH}/batch", json={"ids": [ids["rule_id"]], "action": "delete"}).json()
        assert (gone["succeeded"], len(gone["failed"])) == ([], 1)
        made = clients[name].post(f"{RULES_PATH}/batch-create", json=MANY_RULES).json()
        assert (made["succeeded"], len(made["failed"])) == ([], 1)
        clients[name].delete(f"{USERS}/{ids['user_id']}")
        assert find_user(control, ids["user_id"])
        assert ids["rule_id"] in {str(rule.id) for rule in list_rules(control, 1)}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("project-admin", {"roleId": 1}),
        ("project-admin", {"roleId": 2}),
        ("department-admin", {"roleId": 1}),
        ("cluster-admin", {"scopeType": "tenant", "scopeId": "1"}),
        ("admin", {"scopeType": "system", "scopeId": "system", "roleId": 1}),
        ("admin", {"scopeType": "tenant", "scopeId": "2"}),
        ("stranger", {"scopeType": "tenant", "scopeId": "1"}),
        ("stranger", {}),
    ],
)
def test_nobody_gives_more_than_they_have(clients: dict[str, TestClient], name: str, rule: dict[str, Any]) -> None:
    answer = clients[name].post(RULES_PATH, json=NEW_RULE | {"subjectType": "group", "subjectId": "g"} | rule)
    assert answer.status_code in (400, 403), answer.text


def test_an_account_that_is_over_all_tenants_is_not_taken_over(
    people: Community, clients: dict[str, TestClient]
) -> None:
    root = find_user_by_name(people.app.state.services.control, "root@example.com")
    assert root
    assert clients["admin"].post(f"{USERS}/{root.id}/password").status_code == 403
    assert clients["admin"].delete(f"{USERS}/{root.id}").status_code == 403
    assert clients["root"].get(f"{USERS}/{root.id}").status_code == 200


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("root", {("alpha", "a"), ("alpha", None), ("beta", None)}),
        ("admin", {("alpha", "a"), ("alpha", None), ("beta", None)}),
        ("cluster-admin", {("alpha", "a"), ("alpha", None)}),
        ("department-admin", {("alpha", "a")}),
        ("project-admin", {("alpha", "a")}),
        ("researcher", {("alpha", "a")}),
        ("viewer", {("alpha", "a"), ("alpha", None), ("beta", None)}),
        ("nobody", set()),
        ("stranger", set()),
    ],
)
def test_rules_say_what_of_the_ledger_is_seen(full: Community, name: str, rows: set[tuple[str, str | None]]) -> None:
    asked = "/api/v1/ledger?start=2025-03-03&end=2025-03-03T04:00:00Z&by=cluster,project"
    told = full.client(name).get(asked).json()["data"]
    seen = {(row["cluster"], row["project"] if row["project"] == "a" else None) for row in told}
    assert seen == rows


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("full"), is_filled=True) as people:
        yield people


def test_a_department_has_the_projects_that_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody named project a to the control database; discovery does."""
    with community(tmp_path, is_filled=True) as people:
        control = people.app.state.services.control
        with control.session() as session:
            session.connection().exec_driver_sql("delete from projects")
        monkeypatch.setattr("queries.discovery.PAUSE_SECONDS", 0.0)
        asked = "/api/v1/ledger?start=2025-03-03&end=2025-03-03T04:00:00Z&by=cluster,project"
        told = people.client("department-admin").get(asked).json()["data"]
        assert {(row["cluster"], row["project"]) for row in told} == {("alpha", "a")}
