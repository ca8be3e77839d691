"""Bodies that are too large, too slow, broken off, or not what is wanted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Message

from metrics_api.app import create_app
from metrics_api.hardened import HEADERS
from tests.served import settings_for

MEGABYTE = 1 << 20

PIECE = b" " * 100_000

TAKING_BODIES = [
    "/api/v1/token",
    "/api/v2/token",
    "/v1/k8s/auth/login",
    "/grafana/query",
    "/api/datasources/proxy/1/api/v1/query",
    "/api/v1/users",
]


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    """An app that waits 50 ms for a body."""
    settings = settings_for(tmp_path_factory.mktemp("hasty"), "off")
    limits = settings.limits.model_copy(update={"request_time": timedelta(milliseconds=50)})
    return create_app(settings.model_copy(update={"limits": limits}))


class Sender:
    """A client that sends pieces of a body, and counts those that are taken."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.pieces = pieces
        self.taken = 0
        self.told: list[Message] = []

    async def receive(self) -> Message:
        try:
            piece = await anext(self.pieces)
        except StopAsyncIteration:
            return {"type": "http.disconnect"}
        self.taken += 1
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(self, message: Message) -> None:
        self.told.append(message)

    def post(self, app: Starlette, path: str, **headers: str) -> tuple[int, str]:
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "query_string": b"", "client": None}
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        asyncio.run(app(scope | {"headers": named}, self.receive, self.send))
        return self.told[0]["status"], self.told[1]["body"].decode()


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield PIECE


async def never() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.sleep(3600)


async def broken_off() -> AsyncIterator[bytes]:
    yield b"{"


@pytest.mark.parametrize("path", TAKING_BODIES)
def test_no_more_is_read_of_a_body_than_is_taken(hasty: Starlette, path: str) -> None:
    sender = Sender(endless())
    status, said = sender.post(hasty, path)
    assert status == 413
    assert "the body has more than 1048576 bytes (limits.body_bytes)" in said
    assert sender.taken == MEGABYTE // len(PIECE) + 1


@pytest.mark.parametrize("path", TAKING_BODIES)
def test_nothing_is_read_of_a_body_that_says_how_large_it_is(hasty: Starlette, path: str) -> None:
    sender = Sender(endless())
    status, said = sender.post(hasty, path, content_length=f"{MEGABYTE + 1}")
    assert (status, sender.taken) == (413, 0)
    assert "limits.body_bytes" in said
    assert {name.lower().encode() for name in HEADERS} <= {name for name, _ in sender.told[0]["headers"]}


@pytest.mark.parametrize("path", TAKING_BODIES)
def test_a_body_that_does_not_come_is_not_waited_for(hasty: Starlette, path: str) -> None:
    sender = Sender(never())
    status, said = sender.post(hasty, path)
    assert status == 408
    assert "limits.request_time" in said
    assert (b"connection", b"close") in sender.told[0]["headers"]


@pytest.mark.parametrize("path", TAKING_BODIES)
def test_a_client_that_goes_away_is_no_defect(hasty: Starlette, path: str) -> None:
    status, said = Sender(broken_off()).post(hasty, path)
    assert status == 400
    assert "the body broke off" in said


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/api/v1/token", "text/xml", 415),
        ("/api/v1/token", "text/plain", 415),
        ("/api/v1/token", "multipart/form-data; boundary=x", 415),
        ("/api/v1/token", "application/json; charset=utf-8", 400),
        ("/api/v1/token", "Application/Problem+JSON", 400),
        ("/api/v1/token", "application/x-www-form-urlencoded", 400),
        ("/api/v2/token", "application/x-www-form-urlencoded; charset=utf-8", 400),
        ("/api/v2/token", "application/json", 415),
        ("/grafana/query", "text/html", 415),
    ],
)
def test_what_a_body_is_must_be_what_is_wanted(client: TestClient, path: str, content_type: str, status: int) -> None:
    answer = client.post(path, content="{}", headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text


DEEP = 200_000

HOSTILE: dict[str, bytes] = {
    "deep records": b'{"a":' * DEEP,
    "deep lists": b"[" * DEEP,
    "a deep field": b'{"grantType":' + b"[" * 100 + b"]" * 100 + b"}",
    "a long number": b'{"grantType":' + b"9" * DEEP + b"}",
    "a large number": b'{"grantType":1e999999}',
    "no number": b'{"grantType":NaN}',
    "infinity": b'{"grantType":-Infinity}',
    "no text": b'{"grantType":"\xff\xfe"}',
    "half a character": b'{"grantType":"password","username":"\\ud800","password":"x"}',
    "NUL": b'{"grantType":"password","username":"\\u0000","password":"\\u0000"}',
    "a key twice": b'{"grantType":"app_token","grantType":"password","username":"x","password":"x"}',
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(50_000)) + b"}",
    "a mark at the front": b'\xef\xbb\xbf{"grantType":"password"}',
    "another encoding": '{"grantType":"password"}'.encode("utf-16"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("path", ["/api/v1/token", "/api/v2/token", "/v1/k8s/auth/login"])
def test_hostile_bodies_are_bad_requests(client: TestClient, path: str, kind: str) -> None:
    answer = client.post(path, content=HOSTILE[kind])
    assert answer.status_code == 400, answer.text
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_bodies_are_no_trouble_where_what_is_unknown_is_ignored(client: TestClient, kind: str) -> None:
    answer = client.post("/grafana/query", content=HOSTILE[kind])
    assert answer.status_code in (200, 400), answer.text
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("time", ["1e999", "-1e999", "NaN", "9" * 5_000, "1" + "0" * 400, "-62135596801", "true"])
def test_hostile_numbers_are_bad_requests(client: TestClient, time: str) -> None:
    content = f'{{"range": {{"from": {time}, "to": {time}}}, "targets": [{{"target": "gpus_busy"}}]}}'
    answer = client.post("/grafana/query", content=content)
    assert answer.status_code == 400, answer.text


def test_what_a_body_may_hold_is_a_setting(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "off")
    limits = settings.limits.model_copy(update={"body_bytes": 1_000})
    with TestClient(create_app(settings.model_copy(update={"limits": limits}))) as client:
        assert client.post("/api/v1/token", content=b" " * 1_001).status_code == 413
        assert client.post("/api/v1/token", content=b" " * 1_000).status_code == 400
