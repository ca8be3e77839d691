"""Engine: bind the part of the ledger that an actor may see, and run a question over it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from queries.accounting import Accounting
from queries.buckets import Buckets, Step
from queries.catalogue import GAUGES, METRICS, Metric
from queries.collection import Runs
from queries.datasets import BOOKED, CAPACITY, ENERGY, HISTOGRAM, LEDGER_SCHEMA, TIME, WHAT, WHEN
from queries.lake import Lake
from queries.lake_error import is_damage, unreadable
from queries.ledger.steps import booked
from queries.macros import MACROS
from queries.parquet import parquet
from queries.scope import Scope
from queries.snapshot import Snapshot
from queries.stop import Stop, read_at_most
from queries.template import read_template
from queries.window import Window

KEYS = tuple(f'"{name}"' for name, _ in WHEN + WHAT)
SECONDS = tuple(name for name, _ in CAPACITY + BOOKED + ENERGY)
BINS = tuple(name for name, _ in HISTOGRAM)
POWER = METRICS["gpu_power_watts"]
"""Energy follows from power where no counter was read."""
UTILIZATION = METRICS["gpu_utilization_ratio"]


@dataclass(frozen=True)
class Part:
    """A stretch of time that is read from one layer."""

    layer: str
    window: Window


class Engine:
    """DuckDB, in memory, over the lake's files. Safe to use from several threads."""

    def __init__(self, lake: Lake, accounting: Accounting | None = None) -> None:
        self.lake = lake
        self.accounting = accounting or Accounting()
        self.stop = Stop()
        self.most_rows = sys.maxsize
        self._duckdb = duckdb.connect(":memory:")
        self._duckdb.execute("set timezone = 'UTC'")
        self._duckdb.execute("set parquet_metadata_cache = true")
        self._duckdb.execute(MACROS)

    def within(self, stop: Stop, most_rows: int) -> "Engine":
        """The same engine for one question, which can be stopped, and whose answer has no more rows than that."""
        limited = copy(self)
        limited.stop, limited.most_rows = stop, most_rows
        return limited

    def ask(
        self,
        question: str,
        scope: Scope,
        snapshot: Snapshot,
        parts: list[Part],
        parameters: Mapping[str, Any],
        metrics: Sequence[Metric] = (),
        relations: Mapping[str, pa.Table] = MappingProxyType({}),
        joins: Sequence[str] = (),
        with_times: bool = False,
        **texts: object,
    ) -> pa.Table:
        """Run one question file over the part of the ledger that a scope shows.

        parts: the time to read and the layers to read it from. parameters: the values of the question's ``$names``.
        metrics: those that the question asks for. relations: tables that it joins. joins: what of the accounting it
        asks for. with_times: whether it asks when clusters were collected, also where they have no rows to show. texts:
        what is filled in of the catalogue's identifiers; never a user's text.
        Raises:
            LakeError: a file is damaged or gone.
        """
        ledger = self.accounting.joined(ledger_of(snapshot, parts, scope, metrics, with_times), joins)
        relations = {**relations, **self.accounting.relations(joins)}
        return self._run(question, scope, parameters, relations, ledger=ledger, metrics=metrics, **texts)

    def ask_changes(
        self, question: str, scope: Scope, window: Window, parameters: Mapping[str, Any], **texts: Any
    ) -> pa.Table:
        """Run one question file over the changes of workloads' states that a scope shows."""
        return self._run(question, scope, parameters, {}, changes=self.changes(scope, window), **texts)

    def changes(self, scope: Scope, window: Window) -> str:
        """The SQL of the changes of workloads' states, collected with the hours of a window, that a scope shows."""
        snapshot = self.lake.workloads.snapshot()
        schema = self.lake.workloads.dataset.schema
        return scoped(f"select * from {parquet(snapshot.paths('', window), schema, snapshot.is_mixed)}", scope)

    def ask_runs(self, question: str, scope: Scope, window: Window, parameters: Mapping[str, Any]) -> pa.Table:
        """Run one question file over the runs of collectors that began in a window, of the clusters that a scope
        shows."""
        snapshot = self.lake.collections.snapshot()
        source = parquet(snapshot.paths("", window), self.lake.collections.dataset.schema, snapshot.is_mixed)
        shown = "exists (select 1 from scope where scope.cluster is null or scope.cluster = run.cluster)"
        return self._run(question, scope, parameters, {}, runs=f"select * from {source} as run where {shown}")

    def ask_collections(self, scope: Scope, window: Window, counted_since: datetime) -> list[Runs]:
        """How the collection of the clusters went that a scope shows, by the runs that began in a window."""
        snapshot = self.lake.collections.snapshot()
        paths = snapshot.paths("", window)
        if not paths:
            return []
        source = parquet(paths, self.lake.collections.dataset.schema, snapshot.is_mixed)
        parameters = {"counted_since": int(counted_since.timestamp())}
        rows = self._run("collections", scope, parameters, {}, collections=f"select * from {source}")
        return [Runs(**row) for row in rows.to_pylist() if scope.shows(row["cluster"])]

    def stream(
        self,
        question: str,
        scope: Scope,
        parameters: Mapping[str, Any],
        schema: pa.Schema,
        rows: int,
        relations: Mapping[str, pa.Table] = MappingProxyType({}),
        **texts: object,
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a question file, so many at a time, as a schema says. No more than a few batches are held.
        relations: tables that it joins.

        Raises:
            LakeError: a file is damaged or gone.
        """
        sql = read_template("queries.questions", question).render(**texts)
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        with self._duckdb.cursor() as cursor:
            for name, table in {**relations, "scope": scope.table()}.items():
                cursor.register(name, table)
            with self._reading(cursor):
                reader = cursor.sql(sql, params=used).to_arrow_reader(rows)
            while True:
                with self._reading(cursor):
                    batch = next(reader, None)
                if batch is None:
                    return
                yield batch.cast(schema)

    @contextmanager
    def _reading(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        try:
            with self.stop.watching(cursor):
                yield
        except (duckdb.Error, OSError) as error:
            if is_damage(error):
                raise unreadable(self.lake.folder, error) from error
            raise

    def _run(
        self,
        question: str,
        scope: Scope,
        parameters: Mapping[str, Any],
        relations: Mapping[str, pa.Table],
        **texts: object,
    ) -> pa.Table:
        sql = read_template("queries.questions", question).render(**texts)
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        with self._duckdb.cursor() as cursor:
            for name, table in {**relations, "scope": scope.table()}.items():
                cursor.register(name, table)
            with self._reading(cursor):
                return in_utc(read_at_most(cursor.sql(sql, params=used).to_arrow_reader(), self.most_rows))

    def close(self) -> None:
        self._duckdb.close()


def in_utc(table: pa.Table) -> pa.Table:
    """The same times, in a zone that everyone knows by this name."""
    fields = [field.with_type(TIME) if pa.types.is_timestamp(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def plan(
    window: Window, step: Step | None, samples_since: datetime | None = None, needs_samples: bool = False
) -> list[Part]:
    """Which layer answers which part of a window: hours where whole ones are asked for, samples for the rest; where
    samples are no longer kept, the hours that begin there, unless steps are finer than that."""
    buckets = Buckets(window, step)
    if needs_samples or buckets.is_finer_than_hours:
        raw = [window]
    else:
        raw = list(dict.fromkeys(within(Window.hour_of(time), window) for time in buckets.hours_cut()))
    if samples_since and not buckets.is_finer_than_hours:
        raw = [Window(max(part.start, samples_since), part.end) for part in raw if part.end > samples_since]
    return [Part("hour", part) for part in between(raw, window)] + [Part("raw", part) for part in raw]


def within(hour: Window, window: Window) -> Window:
    return Window(max(hour.start, window.start), min(hour.end, window.end))


def between(parts: list[Window], window: Window) -> Iterator[Window]:
    """What of a window some parts of it leave, in order."""
    start = window.start
    for part in parts:
        if start < part.start:
            yield Window(start, part.start)
        start = part.end
    if start < window.end:
        yield Window(start, window.end)


def ledger_of(
    snapshot: Snapshot, parts: list[Part], scope: Scope, metrics: Sequence[Metric], with_times: bool = False
) -> str:
    """The SQL of the ledger as one table: the files that can hold rows of these parts, and the columns that the metrics
    need. with_times: also rows of nothing but the times at which clusters were collected, where a scope hides them."""
    gauges = needed_gauges(metrics)
    layers = dict.fromkeys(part.layer for part in parts)
    tables = [
        layer_of(layer, rows_of(snapshot, layer, [part.window for part in parts if part.layer == layer]), gauges)
        for layer in layers
    ]
    whole = " union all by name ".join(tables)
    if with_times and scope.hides_projects:
        return f"{scoped(whole, scope)} union all by name {times_of(whole)}"
    return scoped(whole, scope)


def times_of(whole: str) -> str:
    """The SQL of when the clusters were collected of which a scope shows anything: rows without GPU-time."""
    return f"""
        select 'empty' as kind, times.*
        from (select distinct cluster, layer, window_start, time, elapsed_seconds from ({whole})) as times
        where exists (select 1 from scope where scope.cluster is null or scope.cluster = times.cluster)
    """


def scoped(whole: str, scope: Scope) -> str:
    """The SQL of those rows, of a table with clusters and projects, that a scope shows."""
    if scope.is_everything:
        return whole
    return f"""
        select everything.*
        from ({whole}) as everything
        where exists (
            select 1
            from scope
            where
                (scope.cluster is null or scope.cluster = everything.cluster)
                and (scope.project is null or scope.project = everything.project)
        )
    """


def needed_gauges(metrics: Sequence[Metric]) -> list[Metric]:
    """The gauges whose columns these metrics are computed from."""
    wanted = " ".join(f"{metric.numerator} {metric.denominator}" for metric in metrics)
    return [gauge for gauge in GAUGES if gauge is POWER or gauge.integral in wanted or gauge.seconds in wanted]


def layer_of(layer: str, rows: str, gauges: list[Metric]) -> str:
    source = f"({rows})"
    if layer == "raw":
        return f"select * from ({booked(source, KEYS, gauges)})"
    return f"select {', '.join((*KEYS, *layer_columns(gauges), *BINS))} from {source}"


def layer_columns(metrics: Sequence[Metric]) -> list[str]:
    """The columns beside the keys, with those of some gauges."""
    gauges = [metric for metric in metrics if metric.entry.gauge]
    extremes = [name for metric in (*gauges, UTILIZATION) for name in metric.extremes or ()]
    integrals = [name for gauge in gauges for name in (gauge.integral, gauge.seconds)]
    return [*SECONDS, *integrals, *extremes]


def rows_of(snapshot: Snapshot, layer: str, windows: list[Window]) -> str:
    """The stored rows of some windows. The times are ours."""
    paths = list(dict.fromkeys(path for window in windows for path in snapshot.paths(layer, window)))
    during = " or ".join(
        f"time >= timestamptz '{window.start.isoformat()}' and time < timestamptz '{window.end.isoformat()}'"
        for window in windows
    )
    return f"select * from {parquet(paths, LEDGER_SCHEMA, snapshot.is_mixed)} where {during}"
