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
from metrics_api.services import Caller
from queries.duration import format_duration
from queries.question import Answer, Asker
from queries.settings import Limits
from queries.stop import Stop
from queries.window import Window

P = ParamSpec("P")


class Windowed(Protocol):
    """What is asked about a time."""

    @property
    def window(self) -> Window: ...


class Formed(Protocol):
    """Query parameters that say how the answer comes."""

    @property
    def format(self) -> Format | None: ...

    @property
    def envelope(self) -> bool: ...


Q = TypeVar("Q", bound=Windowed)

SETTLED_AFTER = timedelta(hours=25)
"""Late samples are looked for during a day, once an hour."""

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
    services, form = caller.services, choose_format(query.format, caller.accept)
    check_window(question.window, services.settings.limits)
    asker = caller.asker() if services.engine.lake.ledger.is_current() else await run_in_threadpool(caller.asker)

    def work(stop: Stop) -> Kept:
        answered = ask(asker.within(stop, services.settings.limits.rows), question, *arguments, **named)
        return kept(answered, form, shape, query.envelope, is_settled(answered, question.window, asker.now))

    versions = asker.snapshot.version, services.engine.lake.workloads.snapshot().version
    key = (ask, question, arguments, frozenset(named.items()), asker.scope, versions, asker.clusters())
    is_short = question.window.length <= SHORT
    made = await services.cache.get((*key, form, shape, query.envelope), lambda: services.pool.answer(work, is_short))
    return made.response(caller.if_none_match)


def check_window(window: Window, limits: Limits) -> None:
    """Refuse what is longer than the limit.

    Raises:
        ApiError: 400, with the limit.
    """
    if window.length > limits.window:
        length, most = format_duration(window.length), format_duration(limits.window)
        raise ApiError(400, f"start, end: {length} are asked about; at most {most} are answered (limits.window)")


def kept(answered: Answer, form: Format, shape: Shape, envelope: bool, settled: bool) -> Kept:
    response = respond(answered, form, shape, envelope)
    own = {
        "ETag": f'W/"{digest(answered, form, shape, envelope)}"',
        "Cache-Control": SETTLED if settled else UNSETTLED,
        "Vary": "Accept, Authorization",
    }
    return Kept(bytes(response.body), dict(response.headers) | own)


def is_settled(answered: Answer, window: Window, now: datetime) -> bool:
    is_complete = not answered.warnings and all(cluster.status == "ok" for cluster in answered.clusters)
    return is_complete and window.end <= now - SETTLED_AFTER


def digest(answered: Answer, form: Format, shape: Shape, envelope: bool) -> str:
    """Of everything that an answer says, but until when clusters were collected, which changes every minute."""
    hashed = hashlib.blake2b(digest_size=16)
    known = {**enveloped(answered), "clusters": [(each.name, each.status) for each in answered.clusters]}
    hashed.update(msgspec.json.encode((known, form, shape, envelope)))
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
