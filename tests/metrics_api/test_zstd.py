"""Large bodies come compressed, for those who accept it, and streams still stream."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pyarrow as pa
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from metrics_api.zstd import LARGE, ZstdMiddleware, accepts_zstd

LEDGER = "/api/v1/ledger?start=2025-03-03&end=2025-03-03T04:00:00Z&step=1h&by=gpu"
EXPORT = "/api/v1/exports/ledger_raw?start=2025-03-03&end=2025-03-04"


def raw(client: TestClient, path: str, accept_encoding: str) -> tuple[httpx2.Response, bytes]:
    """A response, and its body as it was sent."""
    with client.stream("GET", path, headers={"Accept-Encoding": accept_encoding}) as answer:
        return answer, b"".join(answer.iter_raw())


def body_of(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(message.get("body", b"") for message in messages)


def unpacked(body: bytes) -> bytes:
    return bytes(pa.CompressedInputStream(io.BytesIO(body), "zstd").read())


@pytest.mark.parametrize("path", [LEDGER, f"{LEDGER}&format=csv", f"{EXPORT}&format=csv", f"{EXPORT}&format=ndjson"])
def test_a_large_body_is_compressed_and_says_the_same(client: TestClient, path: str) -> None:
    _, plain = raw(client, path, "identity")
    answer, body = raw(client, path, "gzip, deflate, br, zstd")
    assert answer.headers["Content-Encoding"] == "zstd"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert len(body) < len(plain) / 3
    assert unpacked(body) == plain
    again, packed = raw(client, path, "gzip, zstd;q=0")
    assert again.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain


def test_what_is_small_or_compressed_already_is_left_as_it_is(client: TestClient) -> None:
    for path in ("/healthz", f"{EXPORT}&format=parquet"):
        answer, _ = raw(client, path, "zstd, gzip")
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accept_encoding", "accepts"),
    [("", False), ("gzip", False), ("zstd", True), ("gzip, ZSTD;q=0.1", True), ("zstd;q=0, gzip", False), ("*", False)],
)
def test_the_header_is_read_with_its_weights(accept_encoding: str, accepts: bool) -> None:
    assert accepts_zstd(accept_encoding) is accepts


def test_each_piece_of_a_stream_is_sent_when_it_is_there() -> None:
    """Also where it begins with nothing. What was sent so far can be read before the next piece is made."""
    sent: list[dict[str, Any]] = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b""
        yield b"first"
        assert pa.CompressedInputStream(io.BytesIO(body_of(sent)), "zstd").read(5) == b"first"
        yield b"second" * LARGE

    async def stream(_: Any) -> Response:
        return StreamingResponse(pieces(), media_type="text/csv", headers={"Content-Length": "1"})

    app = Starlette(
        routes=[Route("/", stream)],
        middleware=[Middleware(ZstdMiddleware, minimum_size=10, exclude_content_types=())],
    )

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.4"},
        "method": "GET",
        "path": "/",
        "headers": [(b"accept-encoding", b"zstd")],
    }
    asyncio.run(app(scope, receive, send))
    headers = dict(sent[0]["headers"])
    assert headers[b"content-encoding"] == b"zstd"
    assert b"content-length" not in headers
    assert unpacked(body_of(sent)) == b"first" + b"second" * LARGE
