"""Cache: answers that may be asked for again, as they are sent."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

OVERHEAD = 1_000
"""Bytes that an entry takes beside its body."""


IS_KEPT = "metrics_api.is_kept"
"""The scope of a request has it where its answer is one."""


class KeptResponse(Response):
    """A response that is all a matter of the request, the version of the lake, and the minute."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[IS_KEPT] = True
        await super().__call__(scope, receive, send)


@dataclass(frozen=True)
class Kept:
    """A response without what is the client's: its body, and its headers."""

    body: bytes
    headers: dict[str, str]
    status: int = 200

    def response(self, if_none_match: str) -> Response:
        """The response; 304 without a body where the client has the same."""
        if is_among(self.headers["ETag"], if_none_match):
            return KeptResponse(None, 304, {name: self.headers[name] for name in ("ETag", "Cache-Control", "Vary")})
        return KeptResponse(self.body, self.status, self.headers)


class Cache:
    """Keeps what was asked for last, within a budget of bytes. What several ask for at once is made once."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[Kept]] = {}
        self._lock = threading.Lock()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """What is kept under a key, which says all that it depends on; made where there is nothing."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        if key not in self._making:
            self._making[key] = asyncio.ensure_future(self._make(key, make))
            self._making[key].add_done_callback(lambda _: self._making.pop(key))
        return await asyncio.shield(self._making[key])

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[Kept]]) -> Kept:
        made = await make()
        self._keep(key, made)
        return made

    def _keep(self, key: Hashable, made: Kept) -> None:
        with self._lock:
            if size_of(made) > self.most_bytes or key in self._kept:
                return
            self._kept[key] = made
            self.bytes += size_of(made)
            while self.bytes > self.most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self.bytes -= size_of(oldest)


def size_of(kept: Kept) -> int:
    return len(kept.body) + OVERHEAD


def is_among(etag: str, if_none_match: str) -> bool:
    """Whether the client's list of tags has this one, compared weakly (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
