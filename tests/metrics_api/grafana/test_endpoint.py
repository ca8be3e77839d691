"""How datasources sign in, what they may see, and what they are told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.access.directory import Directory
from metrics_api.app import create_app
from metrics_api.grafana import credentials
from metrics_api.grafana.credentials import LIFETIME_SECONDS, Credentials
from metrics_api.grafana.routes import DATASOURCE
from metrics_api.policy import Actor
from queries.control.applications import check_secret, create_application
from queries.control.database import Control
from queries.engine import Engine
from queries.lake import LakeError
from queries.scope import Scope
from tests.metrics_api.grafana.panels import FOUR_HOURS, simpod_6
from tests.served import HOSTILE, settings_for


@pytest.fixture
def basic(app: Starlette) -> TestClient:
    client = TestClient(app)
    client.auth = ("id", "secret")
    return client


@pytest.mark.parametrize("path", ["/grafana", "/grafana/"])
def test_the_address_itself_is_the_health_check(client: TestClient, basic: TestClient, path: str) -> None:
    for signed_in in (client, basic):
        answer = signed_in.get(path, follow_redirects=False)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_who_is_not_signed_in_is_told_nothing(anonymous: TestClient) -> None:
    for route in DATASOURCE:
        answer = anonymous.request(route.method, route.path)
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "message", "error"}


@pytest.mark.parametrize("header", ["Basic", "Basic aWQ6eA==", "Basic !", "Basic aWQ=", "Basic /////w==", "Bearer x"])
def test_what_is_no_credential_is_none(anonymous: TestClient, header: str) -> None:
    answer = anonymous.get("/grafana", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(header.split(maxsplit=1)[0])


def test_with_auth_off_everyone_may_ask(folder: Path) -> None:
    with TestClient(create_app(settings_for(folder, "off"))) as client:
        assert client.get("/grafana", headers={"Authorization": "Basic eDp5"}).status_code == 200


def test_basic_authentication_is_for_datasources_alone(basic: TestClient) -> None:
    assert basic.get("/api/v1/clusters").status_code == 401


def test_a_lake_that_cannot_be_read_is_told_as_datasources_read_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LakeError("store.path: cannot read")

    monkeypatch.setattr(Engine, "ask", fail)
    with TestClient(create_app(settings_for(folder, "off"))) as client:
        answer = client.post("/grafana/query", json=simpod_6("gpus_busy", {}))
    assert answer.status_code == 503
    assert answer.json() == {
        "code": 503,
        "message": "store.path: cannot read",
        "error": {"code": "503", "message": "store.path: cannot read"},
    }


@pytest.fixture
def narrow(basic: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """One who may see project a of alpha alone."""
    monkeypatch.setattr(Directory, "actor_by", lambda *_: Actor("narrow", Scope(frozenset({("alpha", "a")}))))
    return basic


ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/query", simpod_6("gpus_busy", {"by": ["cluster", "project"]})),
    ("/query", simpod_6("ledger", {"by": ["cluster", "project"], "format": "table"})),
    ("/query", simpod_6("gaps", {}, range={"from": "2025-03-02T20:00:00Z", "to": "2025-03-03T04:00:00Z"})),
    ("/annotations", {"range": {"from": "2025-03-02T20:00:00Z", "to": "2025-03-03T04:00:00Z"}}),
    *(("/variable", {"payload": name, "range": FOUR_HOURS}) for name in ("cluster", "project", "workload")),
    *(("/tag-values", {"key": name, "timeRange": FOUR_HOURS}) for name in ("cluster", "project", "node")),
]


@pytest.mark.parametrize(("path", "body"), ASKED)
def test_nothing_beyond_the_scope_is_told(narrow: TestClient, path: str, body: dict[str, Any]) -> None:
    text = narrow.post(f"/grafana{path}", json=body).text
    assert "alpha" in text or '"a"' in text or "pa" in text
    assert "beta" not in text
    assert HOSTILE[:10] not in text
    assert '"b"' not in text


def test_rows_are_scoped_too(narrow: TestClient) -> None:
    rows = narrow.get(
        "/grafana/query?target=ledger&by=cluster,project&start=2025-03-03&end=2025-03-03T04:00:00Z&step=total"
    )
    assert [(row["cluster"], row["project"]) for row in rows.json()] == [("alpha", "a")]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    control = Control(f"sqlite:///{tmp_path / 'control.sqlite'}")
    create_application(control, "dashboards", "id", "secret")
    yield control
    control.close()


def test_a_secret_is_hashed_once_a_minute(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed, now = [], 0.0

    def counted(*given: Any) -> Any:
        hashed.append(given)
        return check_secret(*given)

    monkeypatch.setattr(credentials, "check_secret", counted)
    remembered = Credentials(lambda: now)
    for _ in range(3):
        assert remembered.check(control, ("id", "secret"))
    assert len(hashed) == 1
    assert not remembered.check(control, ("id", "wrong"))
    assert not remembered.check(control, ("id", "wrong"))
    assert len(hashed) == 3
    now = LIFETIME_SECONDS
    assert remembered.check(control, ("id", "secret"))
    assert len(hashed) == 4
