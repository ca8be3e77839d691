"""Engine: bind the part of the ledger that an actor may see, and run a question over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from queries.catalogue import GAUGES, METRICS, Metric
from queries.collection import Runs
from queries.datasets import BOOKED, CAPACITY, ENERGY, LEDGER_SCHEMA, TIME, WHAT, WHEN
from queries.lake import Lake
from queries.lake_error import is_damage, unreadable
from queries.ledger.steps import booked
from queries.parquet import parquet
from queries.scope import Scope
from queries.snapshot import Snapshot
from queries.template import read_template
from queries.window import HOUR, Window

MACROS = """
create macro unix_timestamp(time) as cast(epoch(time) as bigint);
create macro timestamp_seconds(seconds) as to_timestamp(seconds);
create macro regexp_like(text, pattern) as regexp_matches(text, pattern);
"""
"""Functions of Spark that DuckDB calls otherwise: the questions are written for both."""

KEYS = tuple(f'"{name}"' for name, _ in WHEN + WHAT)
SECONDS = tuple(name for name, _ in CAPACITY + BOOKED + ENERGY)
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

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._duckdb = duckdb.connect(":memory:")
        self._duckdb.execute("set timezone = 'UTC'")
        self._duckdb.execute("set parquet_metadata_cache = true")
        self._duckdb.execute(MACROS)

    def ask(
        self,
        question: str,
        scope: Scope,
        snapshot: Snapshot,
        parts: list[Part],
        parameters: Mapping[str, Any],
        metrics: Sequence[Metric] = (),
        **texts: object,
    ) -> pa.Table:
        """Run one question file over the part of the ledger that a scope shows.


        parts: the time to read and the layers to read it from. parameters: the values of the question's ``$names``.
        metrics: those that the question asks for. texts: what is filled in of the catalogue's identifiers; never a
        user's text.
        Raises:
            LakeError: a file is damaged or gone.
        """
        ledger = ledger_of(snapshot, parts, scope, metrics)
        return self._run(question, scope, parameters, ledger=ledger, metrics=metrics, **texts)

    def ask_collections(self, scope: Scope, window: Window, counted_since: datetime) -> list[Runs]:
        """How the collection of the clusters went that a scope shows, by the runs that began in a window."""
        snapshot = self.lake.collections.snapshot()
        paths = snapshot.paths("", window)
        if not paths:
            return []
        source = parquet(paths, self.lake.collections.dataset.schema, snapshot.is_mixed)
        parameters = {"counted_since": int(counted_since.timestamp())}
        rows = self._run("collections", scope, parameters, collections=f"select * from {source}")
        return [Runs(**row) for row in rows.to_pylist() if scope.shows(row["cluster"])]

    def _run(self, question: str, scope: Scope, parameters: Mapping[str, Any], **texts: object) -> pa.Table:
        sql = read_template("queries.questions", question).render(**texts)
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        with self._duckdb.cursor() as cursor:
            cursor.register("scope", scope.table())
            try:
                return in_utc(cursor.sql(sql, params=used).to_arrow_table())
            except duckdb.Error as error:
                if is_damage(error):
                    raise unreadable(self.lake.folder, error) from error
                raise

    def close(self) -> None:
        self._duckdb.close()


def in_utc(table: pa.Table) -> pa.Table:
    """The same times, in a zone that everyone knows by this name."""
    fields = [field.with_type(TIME) if pa.types.is_timestamp(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def plan(window: Window, step: timedelta | None) -> list[Part]:
    """Which layer answers which part of a window: hours where whole ones are asked for, samples for the rest."""
    first = Window.hour_of(window.start)
    start = first.start if first.start == window.start else first.end
    end = Window.hour_of(window.end).start
    if (step is not None and step % HOUR) or start >= end:
        return [Part("raw", window)]
    edges = [(window.start, start), (end, window.end)]
    return [Part("hour", Window(start, end))] + [Part("raw", Window(low, high)) for low, high in edges if low < high]


def ledger_of(snapshot: Snapshot, parts: list[Part], scope: Scope, metrics: Sequence[Metric]) -> str:
    """The SQL of the ledger as one table: the files that can hold rows of these parts, and the columns that the metrics
    need."""
    gauges = needed_gauges(metrics)
    tables = [layer_of(part.layer, rows_of(snapshot, part), gauges) for part in parts]
    whole = " union all by name ".join(tables)
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
    extremes = [name for metric in (*gauges, UTILIZATION) for name in metric.extremes or ()]
    integrals = [name for gauge in gauges for name in (gauge.integral, gauge.seconds)]
    return f"select {', '.join((*KEYS, *SECONDS, *integrals, *extremes))} from {source}"


def rows_of(snapshot: Snapshot, part: Part) -> str:
    """The stored rows of a part. The times are ours."""
    window = part.window
    return (
        f"select * from {parquet(snapshot.paths(part.layer, window), LEDGER_SCHEMA, snapshot.is_mixed)}"
        f" where time >= timestamptz '{window.start.isoformat()}' and time < timestamptz '{window.end.isoformat()}'"
    )
