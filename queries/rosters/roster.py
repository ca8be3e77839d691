"""Roster: every workload, or every pod, once, by what was told of it last.

Most of it lies in memory: what the files tell that do not change any more, made into one table by a thread in the
background. What newer files tell is joined with that when it is asked for. Where that table is not there, or is made of
files that are gone, all files are read; the answer is the same.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from queries.datasets import TIME
from queries.hot import REST, UNPACKED, bytes_in
from queries.ids import POD, WORKLOAD, Kind
from queries.lake import Lake
from queries.lake_error import reading
from queries.macros import MACROS
from queries.parquet import parquet
from queries.snapshot import Snapshot
from queries.stop import Stop
from queries.table import Table
from queries.template import read_template
from queries.window import HOUR

OPEN = 2 * HOUR
"""How much of the newest is not settled: its files are written anew at every tick."""


@dataclass(frozen=True)
class Listed:
    """A kind of things that there is a list of. ids: those that its rows have. layer: of the table of the lake that
    tells of them."""

    name: str
    ids: Mapping[str, Kind]
    layer: str
    table: Callable[[Lake], Table]

    def identified(self, rows: str) -> str:
        """The SQL of rows with their ids."""
        ids = [f"{kind.sql(*kind.names)} as {name}" for name, kind in self.ids.items()]
        return f"select {', '.join(ids)}, told.* from ({rows}) as told"

    def told(self, rows: str) -> str:
        """The SQL of what some rows of the lake tell."""
        place = read_template("queries.questions", "place_of_change").render()
        return read_template("queries.rosters", f"told_{self.name}").render(rows=rows, place_of_change=place)

    def merged(self, rows: str) -> str:
        """The SQL of each thing once, by what rows of it tell."""
        phase = read_template("queries.questions", "phase").render()
        return self.identified(read_template("queries.rosters", self.name).render(rows=rows, phase=phase))


WORKLOADS = Listed("workloads", {"id": WORKLOAD}, "", lambda lake: lake.workloads)

PODS = Listed("pods", {"id": POD, "workload_id": WORKLOAD}, "hour", lambda lake: lake.ledger)


@dataclass(frozen=True, eq=False)
class Base:
    """The table in memory: of which files it is made, in which database it lies, how many bytes it takes."""

    files: frozenset[str]
    name: str
    bytes: int


NOTHING = Base(frozenset(), "", 0)


@dataclass(frozen=True)
class Version:
    """What is read for one version of the lake. base: what of it is in memory; None where all files are read.
    touched: what newer files tell; None where there are none."""

    files: frozenset[str]
    base: Base | None
    touched: pa.Table | None = None


class Roster:
    """Safe to use from several threads, of which one refreshes."""

    def __init__(self, lake: Lake, listed: Listed, most_bytes: int) -> None:
        self.listed = listed
        self.most_bytes = most_bytes
        self.stop = Stop()
        self._lake = lake
        self._table = listed.table(lake)
        self._duckdb = duckdb.connect(":memory:")
        self._duckdb.execute("set timezone = 'UTC'")
        self._duckdb.execute(MACROS)
        self._lock = threading.Lock()
        self._base = NOTHING
        self._version = Version(frozenset(), None)
        self._refused: frozenset[str] = frozenset()
        self._gone: deque[str] = deque()
        self._rests_until = 0.0
        self._numbers = count()

    @property
    def bytes(self) -> int:
        return self._base.bytes

    def rows(self, version: Version) -> str:
        """The SQL of all of a version, each with a number of its own; ``touched`` is what its newer files tell."""
        if version.base is None:
            merged = self.listed.merged(f"({self._told(version.files)})")
            return f"select row_number() over (order by id) as number, * from ({merged}) as merged"
        kept = f"select rowid as number, * from {version.base.name}.rows as kept"
        if version.touched is None:
            return kept
        unchanged = "not exists (select 1 from touched where touched.known_number = kept.rowid)"
        return f"{kept} where {unchanged} union all by name select * exclude (known_number) from touched"

    def version(self) -> Version:
        """The newest version of the lake, with what of it is in memory.

        Raises:
            LakeError: a file is damaged or gone.
        """
        snapshot = self._table.snapshot()
        files = frozenset(paths_of(snapshot, self.listed.layer))
        with self._lock:
            if self._version.files != files or not files:
                self._version = self._read(files)
            return self._version

    def _read(self, files: frozenset[str]) -> Version:
        base = self._base
        if not base.name or not base.files <= files:
            return Version(files, None)
        newer = files - base.files
        return Version(files, base, self._touched(base, newer) if newer else None)

    def _touched(self, base: Base, newer: frozenset[str]) -> pa.Table:
        sql = read_template("queries.rosters", "touched").render(
            kept=f"{base.name}.rows",
            newer=self.listed.merged(f"({self._told(newer)})"),
            merged=self.listed.merged("everything"),
        )
        with self.cursor(Stop()) as cursor:
            return cursor.execute(sql).to_arrow_table()

    def refresh(self) -> None:
        """Make the table anew where the files it is made of have changed, or there are more that do not change.

        Raises:
            LakeError: a file is damaged or gone.
            StoppedError: it was stopped.
        """
        self._remove_gone()
        snapshot = self._table.snapshot()
        files = frozenset(settled(snapshot, self.listed.layer))
        if files not in (self._base.files, self._refused) and time.monotonic() >= self._rests_until:
            began = time.monotonic()
            base = self._make(snapshot, files) if UNPACKED * bytes_of(snapshot, files) <= self.most_bytes else NOTHING
            self._keep(base if base.bytes <= self.most_bytes else NOTHING)
            self._refused = frozenset() if self._base.name else files
            self._rests_until = time.monotonic() + REST * (time.monotonic() - began)

    def _make(self, snapshot: Snapshot, files: frozenset[str]) -> Base:
        name = f"base_{next(self._numbers)}"
        with self.cursor(self.stop) as cursor:
            before = bytes_in(cursor)
            cursor.execute(f"attach ':memory:' as {name} (compress)")
            try:
                self._fill(cursor, name, snapshot, files)
            except BaseException:
                self._gone.append(name)
                raise
            base = Base(files, name, bytes_in(cursor) - before)
        weakref.finalize(base, self._gone.append, name)
        return base

    def _fill(self, cursor: duckdb.DuckDBPyConnection, name: str, snapshot: Snapshot, files: frozenset[str]) -> None:
        """Cluster by cluster, so that not all is unpacked at once."""
        for number, cluster in enumerate(sorted(snapshot.files["cluster"].unique().to_pylist())):
            own = files & set(paths_of(snapshot, self.listed.layer, cluster))
            rows = self.listed.merged(f"({self._told(own)})")
            cursor.execute(
                f"insert into {name}.loose by name {rows}" if number else f"create table {name}.loose as {rows}"
            )
        cursor.execute(f"create table {name}.rows as select * from {name}.loose order by created_at, id")
        cursor.execute(f"drop table {name}.loose")
        cursor.execute(f"checkpoint {name}")

    def _keep(self, base: Base) -> None:
        with self._lock:
            self._base, self._version = base, Version(frozenset(), None)

    def _remove_gone(self) -> None:
        """Of the tables that no question reads any more."""
        with self._duckdb.cursor() as cursor:
            while self._gone:
                cursor.execute(f"detach {self._gone.popleft()}")

    def _told(self, files: frozenset[str]) -> str:
        snapshot = self._table.snapshot()
        rows = parquet(sorted(files), self._table.dataset.schema, snapshot.is_mixed)
        return self.listed.told(f"select * from {rows}")

    @contextmanager
    def cursor(self, stop: Stop) -> Iterator[duckdb.DuckDBPyConnection]:
        """To ask with; it can be stopped."""
        with self._duckdb.cursor() as cursor, reading(self._lake.folder), stop.watching(cursor):
            yield cursor

    def close(self) -> None:
        self._duckdb.close()


def paths_of(snapshot: Snapshot, layer: str, cluster: str | None = None) -> Sequence[str]:
    """The files of a layer, of one cluster or of all."""
    files = snapshot.files.filter(pc.equal(snapshot.files["layer"], layer))
    if cluster is not None:
        files = files.filter(pc.equal(files["cluster"], cluster))
    return [f"{snapshot.folder}/{path}" for path in files["path"].to_pylist()]


def settled(snapshot: Snapshot, layer: str) -> Sequence[str]:
    """The files that do not change, but to be corrected or put together."""
    if snapshot.hours is None:
        return []
    before = pa.scalar(snapshot.hours.end - OPEN, TIME)
    return paths_of(
        replace(snapshot, files=snapshot.files.filter(pc.less(snapshot.files["max_window"], before))), layer
    )


def bytes_of(snapshot: Snapshot, files: frozenset[str]) -> int:
    sizes = zip(snapshot.files["path"].to_pylist(), snapshot.files["size"].to_pylist(), strict=True)
    return sum(size for path, size in sizes if f"{snapshot.folder}/{path}" in files)
