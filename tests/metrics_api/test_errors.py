from pathlib import Path

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.engine import Engine
from queries.lake import LakeError
from tests.served import settings_for


@pytest.mark.parametrize(
    ("method", "path", "code", "said"),
    [
        ("GET", "/nowhere", 404, "there is nothing at /nowhere; the endpoints are listed at /api/docs"),
        ("DELETE", "/api/v1/clusters", 405, "/api/v1/clusters does not answer DELETE"),
        ("TRACE", "/healthz", 405, "/healthz does not answer TRACE"),
        ("PROPFIND", "/healthz", 405, "/healthz does not answer PROPFIND"),
    ],
)
def test_what_is_not_there_is_told_in_the_one_shape(
    anonymous: TestClient, method: str, path: str, code: int, said: str
) -> None:
    answer = anonymous.request(method, path)
    assert answer.status_code == code
    assert answer.json() == {"code": code, "message": said}


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/healthz", "GET, HEAD"),
        ("/api/v1/users", "GET, HEAD, POST"),
        ("/api/v1/apps/1", "DELETE, GET, HEAD, PATCH"),
        ("/api/v1/token", "POST"),
    ],
)
def test_what_may_be_done_at_a_path_is_told(anonymous: TestClient, method: str, path: str, allowed: str) -> None:
    answer = anonymous.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert set(answer.json()) == {"code", "message"}


@pytest.mark.parametrize(
    "body",
    [
        '{"grantType": "password", "username": "ada", "password": 20251103}',
        '{"grantType": "password", "username": "ada", "password": "20251103"',
        '{"grantType": "password", "username": "ada", "password": ["20251103"]}',
        '{"grantType": "exchange_token", "code": 20251103}',
        '["20251103"]',
    ],
)
def test_an_error_repeats_no_secret(anonymous: TestClient, body: str) -> None:
    answer = anonymous.post("/api/v1/token", content=body)
    assert answer.status_code == 400
    assert "20251103" not in answer.text


@pytest.mark.parametrize(
    "asked",
    [
        {"where": "a" * 50_000},
        {"step": "1" * 50_000},
        {"a" * 50_000: "1"},
        {"by": ",".join(["nothing"] * 5_000)},
    ],
)
def test_an_error_is_shorter_than_what_it_is_about(client: TestClient, asked: dict[str, str]) -> None:
    answer = client.get("/api/v1/ledger", params=asked)
    assert answer.status_code == 400
    assert len(answer.content) < 5_000


def test_a_defect_of_ours_tells_nothing_of_the_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Engine, "ask", fail)
    with TestClient(create_app(settings_for(tmp_path, "off")), raise_server_exceptions=False) as client:
        answer = client.get("/api/v1/ledger")
    assert answer.status_code == 500
    assert answer.json()["code"] == 500
    assert "secret" not in answer.text


def test_a_lake_that_cannot_be_read_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LakeError("store.path: cannot read")

    monkeypatch.setattr(Engine, "ask", fail)
    with TestClient(create_app(settings_for(tmp_path, "off"))) as client:
        answer = client.get("/api/v1/ledger")
    assert (answer.status_code, answer.json()) == (503, {"code": 503, "message": "store.path: cannot read"})
