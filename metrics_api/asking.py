"""Asking: a question becomes a response, within the limits, from the cache where it can.

What an answer says depends on the question, on what the actor may see, on the version of the lake, and on the time
only in that clusters become late; so these are the key of the cache, and no answer is given that is not true any more.
A question that ends now is a new one every minute (parameters.py), and a new version makes all of them new.

Clients may keep answers themselves, for themselves alone: what they have is known by its ETag, which stands for all of
it but the time until which clusters were collected. They ask each time whether it has changed, except about what is
settled: it ended more than a day ago, so that late samples are booked, and nothing is missing. Of that they ask again
after five minutes, for corrections and prices still may change it.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.answers import Shape, enveloped, respond
from metrics_api.cache import Kept
from metrics_api.errors import ApiError
from metrics_api.formats import Format, choose_format
from metrics_api.inquiry import Inquiry, Q
from metrics_api.services import Caller
from queries.duration import format_duration
from queries.question import Answer, Asker
from queries.settings import Limits
from queries.stop import Stop
from queries.window import Window

P = ParamSpec("P")
T = TypeVar("T")


class Formed(Protocol):
    """Query parameters that say how the answer comes."""

    @property
    def format(self) -> Format | None: ...

    @property
    def envelope(self) -> bool: ...


SETTLED_AFTER = timedelta(hours=25)
"""Late samples are looked for during a day, once an hour."""

DONE = ("ok", "deleted")
"""Of a cluster of which nothing is missing by now."""

SHORT = timedelta(days=1, hours=1)
"""Questions about more never keep those about less waiting."""

SETTLED = "private, max-age=300"
UNSETTLED = "private, no-cache"


async def answer(
    caller: Caller,
    query: Formed,
    shape: Shape,
    ask: Callable[Concatenate[Asker, Q, P], Answer],
    question: Q,
    *arguments: P.args,
    **named: P.kwargs,
) -> Response:
    """The response to a question that is put to an Asker; it and what follows are values that can be hashed.

    Raises:
        ApiError: 400, 406, 422 or 503, naming what is wrong or the limit that was reached.
    """
    sent = Sent(choose_format(query.format, caller.accept), shape, query.envelope, question.window)
    made = await keep(caller, Inquiry.of(ask, question, *arguments, **named), sent)
    return made.response(caller.if_none_match)


async def keep(caller: Caller, inquiry: Inquiry[T], write: Callable[[T, datetime], Kept]) -> Kept:
    """What is written of an answer, within the limits; from the cache where the same was written before.

    write: can be hashed, and says all that it depends on beside the answer. It is given the time, too.
    Raises:
        ApiError: 400, 422 or 503, naming the limit that was reached.
    """
    limits = caller.services.settings.limits
    asker = await asker_of(caller)

    def work(stop: Stop) -> Kept:
        return write(inquiry.put(asker.within(stop, limits.rows)), asker.now)

    return await computed(caller, asker, inquiry.question.window, (inquiry, write), work)


async def asker_of(caller: Caller, clusters: tuple[str, ...] | None = None) -> Asker:
    """An Asker for the caller, of all that it may see, or of some clusters alone."""
    await caller.services.chart()
    scope = caller.actor.scope if clusters is None else caller.actor.scope.within(clusters)
    known = caller.services.engine.known()
    return caller.services.asker(scope, known) if known else await run_in_threadpool(caller.services.asker, scope)


async def remembered(
    caller: Caller, asker: Asker, window: Window, key: tuple[object, ...], work: Callable[[Stop], Kept]
) -> Response:
    """The response of what is computed."""
    made = await computed(caller, asker, window, key, work)
    return made.response(caller.if_none_match)


async def computed(
    caller: Caller, asker: Asker, window: Window, key: tuple[object, ...], work: Callable[[Stop], Kept]
) -> Kept:
    """What is kept under a key, or what the work gives, which is kept. key: all that it depends on beside what the
    actor may see and the version of the lake.

    Raises:
        ApiError: 400, 422 or 503, naming the limit that was reached.
    """
    services = caller.services
    check_window(window, services.settings.limits)
    whole = (*key, *asker.state, services.engine.lake.workloads.snapshot().version)
    return await services.cache.get(whole, lambda: services.pool.answer(caller.who, work, window.length <= SHORT))


def check_window(window: Window, limits: Limits) -> None:
    """Refuse what is longer than the limit.

    Raises:
        ApiError: 400, with the limit.
    """
    if window.length > limits.window:
        length, most = format_duration(window.length), format_duration(limits.window)
        raise ApiError(400, f"start, end: {length} are asked about; at most {most} are answered (limits.window)")


@dataclass(frozen=True)
class Sent:
    """How an answer about a window is sent."""

    form: Format
    shape: Shape
    envelope: bool
    window: Window

    def __call__(self, answered: Answer, now: datetime) -> Kept:
        response = respond(answered, self.form, self.shape, self.envelope)
        way = (self.form, self.shape, self.envelope)
        return kept(answered, response, way, is_settled(answered, self.window, now))


def kept(answered: Answer, response: Response, way: tuple[object, ...], settled: bool) -> Kept:
    """A response as it is kept. way: what tells it from others that are made of the same answer."""
    own = {
        "ETag": f'W/"{digest(answered, way)}"',
        "Cache-Control": SETTLED if settled else UNSETTLED,
        "Vary": "Accept, Authorization",
    }
    return Kept(bytes(response.body), dict(response.headers) | own)


def is_settled(answered: Answer, window: Window, now: datetime) -> bool:
    is_complete = not answered.warnings and all(cluster.status in DONE for cluster in answered.clusters)
    return is_complete and window.end <= now - SETTLED_AFTER


def digest(answered: Answer, way: tuple[object, ...]) -> str:
    """Of everything that an answer says, but until when clusters were collected, which changes every minute."""
    hashed = hashlib.blake2b(digest_size=16)
    known = {**enveloped(answered), "clusters": [(each.name, each.status) for each in answered.clusters]}
    hashed.update(msgspec.json.encode((known, way)))
    for name, column in zip(answered.rows.column_names, answered.rows.columns, strict=True):
        hashed.update(column.is_null().to_numpy().tobytes())
        told = pa.table({name: column.drop_null()}).combine_chunks()  # what lies where nothing is told, is anything
        with pa.ipc.new_stream(Hashing(hashed), told.schema) as writer:
            writer.write_table(told)
    return hashed.hexdigest()


class Hashing(io.RawIOBase):
    """A file of which only a hash is kept."""

    def __init__(self, hashed: "hashlib.blake2b") -> None:
        self.hashed = hashed

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self.hashed.update(piece)
        return len(piece)
