"""Who asks in the tests of who may ask: two tenants, with people and programs of every role."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.control.applications import create_application
from queries.control.database import Control
from queries.control.organisation import Found, create_tenant, register
from queries.control.roles import (
    ADMINISTRATOR,
    DEPARTMENT_ADMINISTRATOR,
    PROJECT_ADMINISTRATOR,
    RESEARCHER,
    VIEWER,
)
from queries.control.rules import NewRule
from queries.control.tables import Cluster
from queries.control.users import create_user
from queries.departments import Department
from queries.ids import cluster_id, department_id, project_id
from queries.settings import Settings
from tests.served import fill, settings_for

PASSWORD = "correct horse"

DEPARTMENTS = (Department(name="language", projects=("a*",)),)

RULES: dict[str, tuple[NewRule, ...]] = {
    "root": (NewRule(ADMINISTRATOR.id, "system", "system"),),
    "admin": (NewRule(ADMINISTRATOR.id, "tenant", "1"),),
    "cluster-admin": (NewRule(ADMINISTRATOR.id, "cluster", cluster_id("alpha")),),
    "department-admin": (NewRule(DEPARTMENT_ADMINISTRATOR.id, "department", department_id("alpha", "language")),),
    "project-admin": (NewRule(PROJECT_ADMINISTRATOR.id, "project", project_id("alpha", "a")),),
    "researcher": (NewRule(RESEARCHER.id, "project", project_id("alpha", "a")),),
    "viewer": (NewRule(VIEWER.id, "tenant", "1"),),
    "nobody": (),
}
"""The users of the first tenant, by name, and their rules. Cluster alpha has a project a, of department language."""


def settings_of(folder: Path, **auth: Any) -> Settings:
    settings = settings_for(folder)
    departments = [department.model_dump(mode="json") for department in DEPARTMENTS]
    told = settings.model_dump(mode="json") | {"departments": departments}
    return Settings.model_validate(told | {"auth": told["auth"] | auth})


def settle(control: Control) -> None:
    """Make the users of the first tenant, and a second one that has cluster gamma and an administrator."""
    register(control, Found(frozenset({"alpha", "beta"}), projects=frozenset({("alpha", "a")})), DEPARTMENTS)
    for name, rules in RULES.items():
        create_user(control, f"{name}@example.com", PASSWORD, rules=rules)
    create_application(control, "robot", "robot", "robot's secret")
    other = create_tenant(control, "other")
    register(control, Found(frozenset({"gamma"})), ())
    with control.session() as session:
        session.get_one(Cluster, cluster_id("gamma")).tenant_id = other.id
    rules = (NewRule(ADMINISTRATOR.id, "tenant", str(other.id)),)
    create_user(control, "stranger@example.com", PASSWORD, other.id, rules=rules)


@contextmanager
def community(folder: Path, is_filled: bool = False, **auth: Any) -> Iterator["Community"]:
    if is_filled:
        fill(folder)
    app = create_app(settings_of(folder, **auth))
    settle(app.state.services.control)
    with TestClient(app) as client:
        yield Community(app, client)


@dataclass
class Community:
    app: Starlette
    anonymous: TestClient

    def token(self, name: str, password: str = PASSWORD) -> str:
        body = {"grantType": "password", "username": f"{name}@example.com", "password": password}
        answer = self.anonymous.post("/api/v1/token", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["accessToken"])

    def client(self, name: str) -> TestClient:
        """A client that is signed in as a user."""
        return self.with_token(self.token(name))

    def with_token(self, token: str) -> TestClient:
        return TestClient(self.app, headers={"Authorization": f"Bearer {token}"})
