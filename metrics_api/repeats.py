"""Repeats: what was answered a moment ago, and is asked again letter for letter, is answered the same.

Dashboards that many people watch ask the same at once. An answer of the cache, as it was sent, stands for at most a
second, within one minute by the clock, of one version of the lake, and as long as nobody has changed who may do what:
so it is what would be said again. All headers of the request count, the caller's token among them.
"""

import time
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metrics_api.cache import IS_KEPT
from metrics_api.services import Services
from queries.lake_error import LakeError

SECONDS = 1.0

MOST_BYTES = 32 << 20

OVERHEAD = 2_000
"""Bytes that an answer takes beside its body and what was asked."""


@dataclass(frozen=True)
class Moment:
    """What an answer is an answer of. until: on the monotonic clock; state: of everything that may change."""

    until: float
    state: tuple[object, ...]


@dataclass(frozen=True)
class Sent:
    moment: Moment
    route: object
    messages: tuple[Message, ...]
    bytes: int


class Repeats:
    """Middleware that remembers what was sent."""

    def __init__(self, app: ASGIApp, services: Services, most_bytes: int = MOST_BYTES) -> None:
        self.app = app
        self.services = services
        self.bytes = 0
        self.most_bytes = most_bytes
        self._sent: OrderedDict[Hashable, Sent] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        asked = (scope["path"], scope["query_string"], *scope["headers"])
        moment, sent = self.moment(), self._sent.get(asked)
        if sent and time.monotonic() < sent.moment.until and is_same(sent.moment.state, moment.state):
            scope["route"] = sent.route
            for message in sent.messages:
                await send(dict(message))
            return
        messages: list[Message] = []

        async def noting(message: Message) -> None:
            if IS_KEPT in scope:
                messages.append(dict(message))
            await send(message)

        await self.app(scope, receive, noting)
        if messages and None in moment.state:
            await run_in_threadpool(self.read)
        elif messages:
            self._remember(asked, Sent(moment, scope.get("route"), tuple(messages), size_of(asked, messages)))

    def moment(self) -> Moment:
        """Now, until which nothing changes by itself."""
        return Moment(time.monotonic() + min(SECONDS, 60 - time.time() % 60), self.state())

    def state(self) -> tuple[object, ...]:
        return *self.tables(), self.services.clusters.roll, self.services.directory.generation

    def tables(self) -> tuple[object, ...]:
        """Their newest versions; None where that has to be read first."""
        return tuple(table.known() for table in self.services.engine.lake.tables)

    def read(self) -> None:
        """What has to be read, for the next time. What cannot be read is told by whoever asks about it."""
        with suppress(LakeError):
            for table in self.services.engine.lake.tables:
                table.snapshot()

    def _remember(self, asked: Hashable, sent: Sent) -> None:
        self._forget(asked)
        self._sent[asked] = sent
        self.bytes += sent.bytes
        while self.bytes > self.most_bytes:
            self._forget(next(iter(self._sent)))

    def _forget(self, asked: Hashable) -> None:
        sent = self._sent.pop(asked, None)
        self.bytes -= sent.bytes if sent else 0


def is_same(some: tuple[object, ...], others: tuple[object, ...]) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))


def size_of(asked: tuple[object, ...], messages: list[Message]) -> int:
    bodies = sum(len(message.get("body", b"")) for message in messages)
    return OVERHEAD + len(repr(asked)) + bodies
