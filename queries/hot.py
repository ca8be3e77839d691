"""Hot: the newest part of the ledger in memory, so that questions about it read no files.

It is held in segments: stretches of time of a layer, of all clusters, each a packed DuckDB database of its own that
never changes. A segment stands for the files that it was made of: a question about a version of the ledger that has the
same files there is answered from it, and any other from the files; the answer is the same. Where files change, the
segment is made anew, and the old one goes when the last question that reads it is done.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

import duckdb

from queries.datasets import EXTREMES, LEDGER, LEDGER_SCHEMA, SUMMED_COLUMNS
from queries.lake_error import reading
from queries.parquet import parquet
from queries.plan import Part
from queries.segment import Segment
from queries.snapshot import Snapshot
from queries.stop import Stop
from queries.template import read_template
from queries.view import GROUP_KEYS, during, quoted
from queries.window import HOUR, Window

T = TypeVar("T")

DAYS = 1
"""How many whole days' samples are held, beside those of the day that has begun."""

REST = 20
"""How many times as long as it took to make a segment it is left alone before it is made anew."""

UNPACKED = 2
"""A segment takes at least so many times the bytes of its files."""


class Hot:
    """Keeps what is newest within a budget of bytes. Safe to use from several threads, of which one refreshes."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.stop = Stop()
        self._duckdb = connection
        self._lock = threading.Lock()
        self._segments: dict[Part, Segment] = {}
        self._rested: dict[Part, float] = {}
        self._refused: dict[Part, tuple[str, ...]] = {}
        self._gone: deque[str] = deque()
        self._numbers = count()
        self._known = Snapshot.nothing("")

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(self._segments.values())

    @property
    def bytes(self) -> int:
        return sum(segment.bytes for segment in self.segments)

    def known_to(self, snapshot: Snapshot) -> Snapshot:
        """The same version, with what of it is in memory."""
        with self._lock:
            if self._known.files is not snapshot.files:
                held = self._segments.values()
                agreeing = tuple(segment for segment in held if segment.files == snapshot.files_of(segment.part))
                self._known = replace(snapshot, segments=agreeing)
            return self._known

    def refresh(self, snapshot: Snapshot) -> bool:
        """Hold what is newest of a version, the newest first, as long as the budget lasts.

        Returns:
            Whether that is done: a segment that was made just now is not made anew at once.
        Raises:
            LakeError: a file is damaged or gone.
            StoppedError: it was stopped.
        """
        self._remove_gone()
        wanted = list(stretches(snapshot))
        self._keep(only(wanted, self._segments))
        self._rested, self._refused = only(wanted, self._rested), only(wanted, self._refused)
        left, is_done = self.most_bytes, True
        for part in wanted:
            files, segment = snapshot.files_of(part), self._segments.get(part)
            if files and not (segment and segment.files == files) and self._refused.get(part) != files:
                if time.monotonic() < self._rested.get(part, 0):
                    is_done = False
                else:
                    segment = self._renew(snapshot, part, files, left)
            left -= segment.bytes if segment else 0
        return is_done

    def _renew(self, snapshot: Snapshot, part: Part, files: tuple[str, ...], left: int) -> Segment | None:
        """Make a segment, or have none where it takes more bytes than are left."""
        segment = self._make(snapshot, part, files) if UNPACKED * snapshot.bytes_of(part) <= left else None
        if segment and segment.bytes <= left:
            self._rested[part] = time.monotonic() + REST * segment.seconds
            self._keep(self._segments | {part: segment})
            return segment
        self._refused[part] = files
        self._keep({each: held for each, held in self._segments.items() if each != part})
        return None

    def _keep(self, segments: dict[Part, Segment]) -> None:
        with self._lock:
            self._segments = segments
            self._known = Snapshot.nothing("")

    def _make(self, snapshot: Snapshot, part: Part, files: tuple[str, ...]) -> Segment:
        began, name = time.monotonic(), f"hot_{next(self._numbers)}"
        with self._duckdb.cursor() as cursor:
            before = bytes_in(cursor)
            cursor.execute(f"attach ':memory:' as {name} (compress)")
            try:
                with reading(snapshot.folder), self.stop.watching(cursor):
                    self._fill(cursor, name, snapshot, part)
            except BaseException:
                self._gone.append(name)
                raise
            segment = Segment(part, files, name, bytes_in(cursor) - before, time.monotonic() - began)
        weakref.finalize(segment, self._gone.append, name)
        return segment

    def _fill(self, cursor: duckdb.DuckDBPyConnection, name: str, snapshot: Snapshot, part: Part) -> None:
        """Cluster by cluster, so that not all is unpacked at once."""
        order, within = LEDGER.orders[part.layer], during([part.window])
        for number, cluster in enumerate(snapshot.clusters_of(part)):
            files = snapshot.paths(part.layer, part.window, [cluster])
            rows = f"select * from {parquet(files, LEDGER_SCHEMA, snapshot.is_mixed)} where {within} order by {order}"
            cursor.execute(
                f"insert into {name}.rows by name {rows}" if number else f"create table {name}.rows as {rows}"
            )
            cursor.execute(f"checkpoint {name}")
        if part.layer == "hour":
            cursor.execute(f"create table {name}.groups as {groups_sql(name)}")
            cursor.execute(f"checkpoint {name}")

    def _remove_gone(self) -> None:
        """Of the segments that no question reads any more."""
        with self._duckdb.cursor() as cursor:
            while self._gone:
                cursor.execute(f"detach {self._gone.popleft()}")


def only(parts: Collection[Part], known: Mapping[Part, T]) -> dict[Part, T]:
    """What is known of some parts."""
    return {part: value for part, value in known.items() if part in parts}


def bytes_in(cursor: duckdb.DuckDBPyConnection) -> int:
    """What all tables in memory take."""
    ((taken,),) = cursor.sql(
        "select coalesce(sum(memory_usage_bytes), 0) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"
    ).fetchall()
    return int(taken)


def groups_sql(name: str) -> str:
    return read_template("queries.rollups", "groups").render(
        rows=f"{name}.rows",
        keys=quoted(GROUP_KEYS),
        summed_columns=SUMMED_COLUMNS,
        smallest=[column for column, _ in EXTREMES if column.endswith("_min")],
        largest=[column for column, _ in EXTREMES if column.endswith("_max")],
    )


def stretches(snapshot: Snapshot) -> Iterator[Part]:
    """What is worth holding, the most worth first. The hours that may still change, the day and the month that have
    begun are stretches of their own, since their files change the most."""
    if snapshot.hours is None:
        return
    opened = Window(snapshot.hours.end - 2 * HOUR, snapshot.hours.end)
    day = opened.start.replace(hour=0)
    month = day.replace(day=1)
    for layer in ("hour", "raw"):
        yield Part(layer, opened)
    for layer in ("hour", "raw"):
        yield from parts(layer, day, opened.start)
    yield from parts("hour", month, day)
    for days in range(DAYS):
        yield Part("raw", Window(day - timedelta(days=days + 1), day - timedelta(days=days)))
    while month > snapshot.hours.start:
        before = (month - timedelta(days=1)).replace(day=1)
        yield Part("hour", Window(before, month))
        month = before


def parts(layer: str, start: datetime, end: datetime) -> Iterator[Part]:
    if start < end:
        yield Part(layer, Window(start, end))
