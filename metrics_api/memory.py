"""Memory: what was worked out for an answer and serves the next one too, as it is."""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 128
"""How many values are kept: what somebody sees of the projects is four."""

GRACE_SECONDS = 60.0
"""How long an older version serves while the newest is worked out."""


@dataclass(frozen=True)
class Remembered:
    version: Hashable
    value: Any
    time: float


class Memory:
    """Keeps what was asked for last. What several ask for at once is made once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, Remembered] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[Remembered]] = {}
        self._lock = threading.Lock()

    async def get(
        self, key: Hashable, version: Hashable, make: Callable[[], Awaitable[T]], grace_seconds: float = 0.0
    ) -> T:
        """What is kept under a key, of a version; made where there is nothing of it. Key and version say all that it
        depends on. grace_seconds: for how long one of an earlier version does, while the newest is made, so that nobody
        waits for it.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept:
                self._kept.move_to_end(key)
        if not kept or kept.version != version:
            making = self._make_once(key, version, make)
            if not kept or self._clock() - kept.time >= grace_seconds:
                kept = await asyncio.shield(making)
        value: T = kept.value
        return value

    def _make_once(
        self, key: Hashable, version: Hashable, make: Callable[[], Awaitable[Any]]
    ) -> "asyncio.Task[Remembered]":
        named = (key, version)
        if named not in self._making:
            self._making[named] = asyncio.ensure_future(self._make(key, version, make))
            self._making[named].add_done_callback(lambda task: self._end(named, task))
        return self._making[named]

    def _end(self, named: Hashable, task: "asyncio.Task[Remembered]") -> None:
        """What failed is tried again by the next who asks; whoever waited is told."""
        self._making.pop(named)
        _ = task.cancelled() or task.exception()

    async def _make(self, key: Hashable, version: Hashable, make: Callable[[], Awaitable[Any]]) -> Remembered:
        made = Remembered(version, await make(), self._clock())
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return made
