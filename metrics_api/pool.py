"""Pool: threads of their own for questions, so that health, sign-in and exports never wait for them, and an end to the
time of each."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from metrics_api.errors import ApiError
from metrics_api.lines import LineError, Lines
from queries.duration import format_duration
from queries.settings import Limits
from queries.stop import Stop, StoppedError, TooManyRowsError

T = TypeVar("T")

AGAIN = 0.02
"""Seconds between two calls to stop."""


class Pool:
    """Answers some short questions and some long ones at once; others wait."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._short = Lines(limits.questions, "short question")
        self._long = Lines(limits.questions, "long question")

    async def answer(self, who: str, ask: Callable[[Stop], T], is_short: bool) -> T:
        """What a question of somebody's answers, which is stopped when its time is over.

        Raises:
            ApiError: 503 or 422, naming the limit that it reached.
        """
        stop, threads = Stop(), self._short if is_short else self._long
        try:
            work = threads.submit(who, begin, ask, stop)
        except LineError:
            raise ApiError(503, "too many of your questions wait already", headers={"Retry-After": "5"}) from None
        ending = asyncio.get_running_loop().call_later(self.limits.time.total_seconds(), end, stop, work)
        try:
            return await asyncio.wrap_future(work)
        except StoppedError:
            raise self._took_too_long() from None
        except TooManyRowsError:
            raise self._is_too_long() from None
        finally:
            ending.cancel()

    def close(self) -> None:
        for threads in (self._short, self._long):
            threads.close()

    def _took_too_long(self) -> ApiError:
        return ApiError(
            503,
            f"the question was stopped after {format_duration(self.limits.time)} (limits.time), waiting for others"
            f" included (limits.questions = {self.limits.questions}); ask for less time, a longer step, or later",
            headers={"Retry-After": "5"},
        )

    def _is_too_long(self) -> ApiError:
        return ApiError(
            422,
            f"the answer has more than {self.limits.rows} rows (limits.rows); ask for a longer step, fewer dimensions"
            " or less time, or export the ledger at /api/v1/exports",
        )


def end(stop: Stop, work: Future[Any]) -> None:
    """Call to stop until it has come to that."""
    stop.call()
    if not work.done():
        asyncio.get_running_loop().call_later(AGAIN, end, stop, work)


def begin(ask: Callable[[Stop], T], stop: Stop) -> T:
    """Questions whose time went by while they waited are not begun."""
    if stop.is_called:
        raise StoppedError
    return ask(stop)
