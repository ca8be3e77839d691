"""Zstd: large bodies are compressed by Zstandard for clients that accept it, as Starlette's middleware does by gzip.

The codec is the one that Arrow has with it. Measured on 8 MB of CSV: 2 ms where gzip takes 56."""

from functools import cached_property

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.gzip import IdentityResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metrics_api.encoding import Outbox
from metrics_api.formats import read_range

LARGE = 1_000_000
"""Bytes; more take longer to compress than a thread takes to begin."""


class ZstdMiddleware:
    """Stands within the middleware of gzip, which leaves alone what is compressed already."""

    def __init__(self, app: ASGIApp, minimum_size: int, exclude_content_types: tuple[str, ...]) -> None:
        self.app = app
        self.minimum_size = minimum_size
        self.exclude_content_types = exclude_content_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and accepts_zstd(Headers(scope=scope).get("Accept-Encoding", "")):
            responder = ZstdResponder(self.app, self.minimum_size, exclude_content_types=self.exclude_content_types)
            await responder(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def accepts_zstd(accept_encoding: str) -> bool:
    return any(coding == "zstd" and weight > 0 for coding, weight in map(read_range, accept_encoding.split(",")))


class ZstdResponder(IdentityResponder):
    """One response. Each piece of it can be decompressed when it comes."""

    content_encoding = "zstd"

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox()

    @cached_property
    def stream(self) -> pa.CompressedOutputStream:
        return pa.CompressedOutputStream(self.outbox, "zstd")

    async def send_with_compression(self, message: Message) -> None:
        is_nothing = message["type"] == "http.response.body" and not message.get("body") and message.get("more_body")
        if not is_nothing:  # of which no compressed piece could be made
            await super().send_with_compression(message)

    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        if len(body) > LARGE:
            return await run_in_threadpool(self._compress, body, more_body)
        return self._compress(body, more_body)

    def _compress(self, body: bytes, more_body: bool) -> bytes:
        self.stream.write(body)
        if more_body:
            self.stream.flush()
        else:
            self.stream.close()
        return self.outbox.take()
