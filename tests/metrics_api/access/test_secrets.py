"""Secrets are told to nobody but whom they are for, and what is refused does not tell what there is."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response
from sqlalchemy import event, select
from starlette.testclient import TestClient

from metrics_api.access.throttle import Throttle
from queries.control import secret
from queries.control.secret import make_secret
from queries.control.tables import AuditEntry
from tests.metrics_api.community import Community, community

MARK = "hush-7f3a"
"""In every secret that somebody chooses here."""

PASSWORD, WRONG, NEW = f"{MARK}-right", f"{MARK}-wrong", f"{MARK}-new"

FORGED = 'ada\r\n2026-01-01 [info] root signed in\x1b[2J","subject":"root'
"""A name that looks like a line of a log."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Throttle, "wait_seconds", lambda *_: 0)
        with community(tmp_path_factory.mktemp("secrets")) as people:
            yield people


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def sign_in(anonymous: TestClient, user: str, password: str) -> list[Response]:
    """By every way that there is."""
    as_robot = {"clientID": user, "clientSecret": password}
    form = {"grant_type": "client_credentials", "client_id": user, "client_secret": password}
    as_user = {"username": f"{user}@example.com", "password": password}
    realm = "/auth/realms/runai/protocol/openid-connect/token"
    return [
        anonymous.post("/api/v1/token", json={"grantType": "client_credentials"} | as_robot),
        anonymous.post("/api/v1/token", json={"grantType": "app_token", "appID": user, "appSecret": password}),
        anonymous.post("/api/v1/token", json={"grantType": "password"} | as_user),
        anonymous.post("/api/v1/token", json={"grantType": "password", "username": user, "password": [password]}),
        anonymous.post("/api/v1/token", json={"grantType": "refresh_token", "refreshToken": password}),
        anonymous.post("/api/v1/token", json={"grantType": "exchange_token", "code": password}),
        anonymous.post("/api/v1/token", json={"grantType": "external_token_exchange", "externalToken": password}),
        anonymous.post("/api/v1/token", content=f'{{"grantType": "password", "password": "{password}"'),
        anonymous.post("/api/v2/token", data=form),
        anonymous.post("/api/v2/token", data={"grant_type": "password"} | as_user),
        anonymous.post("/api/v2/token", data={"grant_type": "refresh_token", "refresh_token": password}),
        anonymous.post("/api/v2/token", data={"grant_type": "client_credentials"}, headers=basic(user, password)),
        anonymous.post("/api/v2/token", content=f"client_secret={password}&" * 200),
        anonymous.post(realm, data=form),
        anonymous.post("/v1/k8s/auth/oauth/apptoken", json={"id": user, "secret": password}),
        anonymous.post("/v1/k8s/auth/login", json={"email": f"{user}@example.com", "password": password}),
        anonymous.post("/grafana/search", headers=basic(user, password)),
        anonymous.get("/grafana", headers=basic(user, password)),
        anonymous.get("/api/v1/users", headers={"Authorization": f"Bearer {password}"}),
        anonymous.get("/api/v1/users", headers={"Authorization": password}),
        anonymous.get("/nowhere", headers={"Authorization": f"Bearer {password}"}),
    ]


def tokens_of(answers: list[Response]) -> list[str]:
    told = [answer.json() for answer in answers if answer.status_code == 200 and answer.content.startswith(b"{")]
    names = ("accessToken", "access_token", "refreshToken", "refresh_token")
    return [answer[name] for answer in told for name in names if name in answer]


def test_no_secret_is_told_anywhere_else(people: Community, capfd: pytest.CaptureFixture[str]) -> None:
    admin = people.client("admin")
    made = admin.post("/api/v1/users", json={"email": "marked@example.com"}).json()
    account = admin.post("/api/v1/service-accounts", json={"name": "marked"}).json()
    people_of = people.anonymous
    first = people_of.post(
        "/api/v1/token",
        json={"grantType": "password", "username": "marked@example.com", "password": made["tempPassword"]},
    ).json()
    user = people.with_token(first["accessToken"])
    change = {"currentPassword": made["tempPassword"], "newPassword": PASSWORD}
    refused = [
        user.post("/api/v1/me/password", json={"currentPassword": WRONG, "newPassword": NEW}),
        user.post("/api/v1/me/password", json={"currentPassword": 1, "newPassword": [NEW]}),
        user.post("/api/v1/me/password", json={"current": WRONG, "newPassword": NEW}),
    ]
    assert user.post("/api/v1/me/password", json=change).status_code < 300
    right = sign_in(people_of, "marked", PASSWORD)
    wrong = sign_in(people_of, "marked", WRONG)
    again = people.with_token(people.token("marked", PASSWORD))
    key = again.post("/api/v1/access-keys", json={"name": "marked"}).json()
    renewed = again.post(f"/api/v1/access-keys/{key['id']}/secret").json()
    assert again.get("/api/v1/users", headers={"Authorization": f"Bearer {renewed['clientSecret']}"}).status_code == 403
    given = [made["tempPassword"], account["clientSecret"], key["clientSecret"], renewed["clientSecret"]]
    given += [first["accessToken"], first["refreshToken"], *tokens_of(right)]
    assert len(given) > 8
    failed = [answer for answer in right + wrong + refused if answer.status_code >= 400]
    assert {answer.status_code for answer in wrong} == {400, 401, 404}
    said = [
        *(f"{answer.text} {answer.headers}" for answer in failed),
        *told_elsewhere(people, admin),
        *capfd.readouterr(),
    ]
    for text in said:
        assert MARK not in text
        assert not [each for each in given if each in text]


def told_elsewhere(people: Community, admin: TestClient) -> list[str]:
    """What can be read of what was done: the audit log, lists, the service's own metrics, and the control database."""
    paths = (
        "/api/v1/audit/log?limit=1000",
        "/api/v1/audit/log/file",
        "/api/v1/users",
        "/api/v1/service-accounts",
        "/api/v1/administration/access-keys",
        "/metrics",
    )
    folder = Path(people.app.state.services.settings.store.path)
    files = [file.read_bytes().decode("latin-1") for file in folder.glob("control.sqlite*")]
    assert files
    return [admin.get(path).text for path in paths] + files


def test_nobody_forges_an_entry_of_the_audit_log(people: Community, capfd: pytest.CaptureFixture[str]) -> None:
    people.anonymous.post("/api/v1/token", json={"grantType": "password", "username": FORGED, "password": WRONG})
    admin = people.client("admin")
    admin.delete(f"/api/v1/users/{quote(FORGED, safe='')}")
    admin.post("/api/v1/service-accounts", json={"name": FORGED})
    with people.app.state.services.control.session() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.subject == FORGED)).all()
        assert [(entry.action, entry.http_status_code) for entry in entries] == [("sign-in", 400)]
    told = admin.get("/api/v1/audit/log", params={"limit": 1000}).json()["audit_logs"]
    assert FORGED in {entry["subject"] for entry in told}
    assert "root" not in {entry["subject"] for entry in told}
    lines = admin.get("/api/v1/audit/log/file").text.splitlines()
    assert len(lines) == len(told) + 1
    assert len([line for line in lines if "root signed in" in line]) == 3
    assert not [text for text in capfd.readouterr() if "root signed in" in text]


Given = dict[str, Any]

ATTEMPTS: dict[str, tuple[str, Given, Given]] = {
    "application": (
        "/api/v1/token",
        {"json": {"grantType": "app_token", "appID": "robot", "appSecret": "wrong"}},
        {"json": {"grantType": "app_token", "appID": "made-up", "appSecret": "wrong"}},
    ),
    "form": (
        "/api/v2/token",
        {"data": {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "wrong"}},
        {"data": {"grant_type": "client_credentials", "client_id": "made-up", "client_secret": "wrong"}},
    ),
    "basic": (
        "/api/v2/token",
        {"data": {"grant_type": "client_credentials"}, "headers": basic("robot", "wrong")},
        {"data": {"grant_type": "client_credentials"}, "headers": basic("made-up", "wrong")},
    ),
    "password by form": (
        "/api/v2/token",
        {"data": {"grant_type": "password", "username": "admin@example.com", "password": "wrong"}},
        {"data": {"grant_type": "password", "username": "made-up@example.com", "password": "wrong"}},
    ),
    "legacy application": (
        "/v1/k8s/auth/oauth/apptoken",
        {"json": {"id": "robot", "secret": "wrong"}},
        {"json": {"id": "made-up", "secret": "wrong"}},
    ),
    "legacy user": (
        "/v1/k8s/auth/login",
        {"json": {"email": "admin@example.com", "password": "wrong"}},
        {"json": {"email": "made-up@example.com", "password": "wrong"}},
    ),
    "a secret where a password is": (
        "/v1/k8s/auth/login",
        {"json": {"email": "admin@example.com", "password": make_secret()}},
        {"json": {"email": "made-up@example.com", "password": make_secret()}},
    ),
    "dashboard": (
        "/grafana/search",
        {"headers": basic("robot", "wrong")},
        {"headers": basic("made-up", "wrong")},
    ),
    "dashboard by secret": (
        "/grafana/search",
        {"headers": basic("robot", make_secret())},
        {"headers": basic("made-up", make_secret())},
    ),
}


@pytest.mark.parametrize("way", ATTEMPTS)
def test_an_unknown_account_takes_the_work_of_a_wrong_secret(
    people: Community, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    path, known, made_up = ATTEMPTS[way]
    done: list[str] = []
    verify, digest = secret.HASHER.verify, secret.digest

    class Counting:
        def verify(self, stored: str, given: str) -> bool:
            done.append("slow")
            return verify(stored, given)

    def counting(text: str) -> str:
        done.append("fast")
        return digest(text)

    monkeypatch.setattr(secret, "HASHER", Counting())
    monkeypatch.setattr(secret, "digest", counting)
    told = []
    for given in (known, made_up):
        done.clear()
        answer = people.anonymous.post(path, **given)
        told.append((answer.status_code, answer.content, list(done)))
    assert told[0] == told[1]
    assert len(told[0][2]) == 1


def test_a_revoked_access_key_takes_the_work_of_one_that_never_was(
    people: Community, asked_of_control: list[str]
) -> None:
    """It is looked up by its digest; nothing of it is compared here."""
    client = people.client("viewer")
    made = client.post("/api/v1/access-keys", json={"name": "short"}).json()
    assert client.delete(f"/api/v1/access-keys/{made['id']}").status_code == 204
    told = []
    for given in (made["clientSecret"], make_secret()):
        asked_of_control.clear()
        answer = people.with_token(given).get("/api/v1/clusters")
        told.append((answer.status_code, answer.content, len(asked_of_control)))
    assert told[0] == told[1]
    assert told[0][0] == 401


@pytest.fixture
def asked_of_control(people: Community) -> Iterator[list[str]]:
    """The statements that the control database is given."""
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    engine = people.app.state.services.control.engine
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)
