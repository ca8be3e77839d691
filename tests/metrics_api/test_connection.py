"""What comes over a connection before there is a request: too much of it, too slowly, or something else than HTTP."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from metrics_api.app import create_app
from metrics_api.connection import LARGEST_HEAD
from metrics_api.hardened import HEADERS
from tests.served import settings_for
from tests.serving import serving

ALMOST = LARGEST_HEAD - 100

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Of a service that waits 300 ms for a request."""
    settings = settings_for(tmp_path_factory.mktemp("connection"), "off")
    limits = settings.limits.model_copy(update={"request_time": timedelta(milliseconds=300)})
    app = create_app(settings.model_copy(update={"limits": limits}))
    with serving(app) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        yield host, int(port)
    app.state.services.stop()


def connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=20)


def answer(connection: socket.socket) -> Answer | None:
    """The answer that comes over a connection; None where it is closed without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65_536)
    return int(first.split()[1]), headers, body


def told(address: tuple[str, int], sent: bytes) -> Answer | None:
    with connected(address) as connection:
        with suppress(ConnectionError):  # it need not be read to its end
            connection.sendall(sent)
        return answer(connection)


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


REFUSED: dict[str, tuple[bytes, int]] = {
    "a long query": (get("/api/v1/ledger?by=" + "a" * LARGEST_HEAD), 414),
    "a long path": (get("/api/v1/users/" + "a" * LARGEST_HEAD), 414),
    "many parameters": (get("/api/v1/ledger?" + "by=user&" * 10_000), 414),
    "a long header": (get("/healthz", "X: " + "a" * LARGEST_HEAD), 431),
    "many headers": (get("/healthz", *["X-Header: value"] * 6_000), 431),
    "a head without an end": (get("/healthz", *["X-Header: value"] * 10_000)[:-4], 431),
    "a header without an end": (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 100_000, 431),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "an unknown method": (b"FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two lengths": (b"POST /api/v1/token HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
    "length and chunks": (
        b"POST /api/v1/token HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "less than nothing": (b"POST /api/v1/token HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
    "a header in two lines": (get("/healthz", "X: a\n b\x00c"), 400),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_taken_is_refused_in_the_one_shape(address: tuple[str, int], kind: str) -> None:
    sent, status = REFUSED[kind]
    refused = told(address, sent)
    assert refused
    assert refused[0] == status
    assert json.loads(refused[2]) == {"code": status, "message": json.loads(refused[2])["message"]}
    assert refused[1]["connection"] == "close"
    assert {name.lower() for name in HEADERS} <= set(refused[1])


@pytest.mark.parametrize(
    "sent",
    [
        get("/api/v1/ledger?where=" + "a" * (ALMOST - 100)),
        get("/api/v1/ledger?" + "&".join(f"where=project%21%3D{number}" for number in range(2_000))),
        get("/api/v1/ledger?by=" + "user," * 10_000),
        get("/healthz", "X: " + "a" * (ALMOST - 100)),
    ],
    ids=["one value", "conditions", "values", "header"],
)
def test_what_can_be_taken_is_answered(address: tuple[str, int], sent: bytes) -> None:
    answered = told(address, sent)
    assert answered
    assert answered[0] in (200, 400)


@pytest.mark.parametrize("begun", [b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"\r\n" * 10])
def test_a_request_that_does_not_come_is_not_waited_for(address: tuple[str, int], begun: bytes) -> None:
    refused = told(address, begun)
    assert refused
    assert (refused[0], b"limits.request_time" in refused[2]) == (408, True)


def test_connections_that_say_nothing_are_closed(address: tuple[str, int]) -> None:
    assert told(address, b"") is None


def test_a_later_request_is_not_waited_for_either(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        for path in ("/healthz", "/nowhere", "/healthz"):
            connection.sendall(get(path))
            assert answer(connection)
        connection.sendall(get("/healthz")[:-2])
        refused = answer(connection)
    assert refused
    assert refused[0] == 408


def test_a_body_that_is_refused_is_not_sent_for_ever(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(
            b"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b" " * 200_000
        )
        refused = answer(connection)
        assert refused
        assert refused[0] == 413
        with suppress(ConnectionError):
            connection.sendall(b" " * 200_000)
            assert connection.recv(1) == b""


def test_requests_in_one_piece_are_answered_in_their_order(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(get("/healthz") + get("/nowhere") + get("/healthz", "Connection: close"))
        data = b""
        while piece := connection.recv(65_536):
            data += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", data) == [b"200", b"404", b"200"]


def test_nobody_is_told_what_serves(address: tuple[str, int]) -> None:
    answered = told(address, get("/healthz", "Upgrade: websocket", "Connection: Upgrade"))
    assert answered
    assert answered[0] == 200
    assert not re.search("uvicorn|starlette|python", str(answered), re.IGNORECASE)
