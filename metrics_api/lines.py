"""Lines: threads that work for everybody in turn. Who asks a lot waits in a line of their own, and never has all the
threads."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LONGEST = 5_000
"""How much of one's work may wait."""


class LineError(Exception):
    """Too much of somebody's work waits already."""


def share(places: int) -> int:
    """How many of some places one may have: three quarters, and one is left for others where there are two."""
    return max(1, places - max(1, places // 4))


class Lines:
    """A pool of threads. What one asks for is done in its order; of the lines, the one that waited longest is next."""

    def __init__(self, places: int, name: str) -> None:
        self.free = places
        self.share = share(places)
        self._threads = ThreadPoolExecutor(places, name)
        self._lines: OrderedDict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def submit(self, who: str, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Do somebody's work when their turn comes.

        Raises:
            LineError: too much of it waits.
        """
        future: Future[T] = Future()
        with self._lock:
            line = self._lines.setdefault(who, deque())
            if len(line) >= LONGEST:
                raise LineError
            line.append((future, lambda: work(*arguments, **named)))
            self._begin()
        return future

    def close(self) -> None:
        with self._lock:
            self._lines.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        """Take what is next to the threads that are free."""
        while self.free and (who := self._next()) is not None:
            future, work = self._lines[who].popleft()
            self._lines.move_to_end(who)
            if not self._lines[who]:
                del self._lines[who]
            if future.set_running_or_notify_cancel():
                self.free -= 1
                self._held[who] += 1
                self._threads.submit(self._do, who, future, work)

    def _next(self) -> str | None:
        return next((who for who in self._lines if self._held[who] < self.share), None)

    def _do(self, who: str, future: Future[Any], work: Callable[[], Any]) -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # whoever waits for it is told
            future.set_exception(error)
        finally:
            with self._lock:
                self.free += 1
                self._held -= Counter([who])
                self._begin()
