"""Exports: whole datasets as they are handed out, a batch of rows at a time."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa

from queries.accounting import COSTS, DEPARTMENTS, RATES, Accounting
from queries.amounts import AMOUNTS
from queries.catalogue import DIMENSIONS
from queries.condition import Condition
from queries.datasets import COLLECTIONS, LEDGER_SCHEMA, WORKLOADS
from queries.engine import Engine
from queries.lake import Lake
from queries.parquet import parquet
from queries.plan import Part
from queries.scope import Scope
from queries.snapshot import Snapshot
from queries.table import Table
from queries.units import with_units
from queries.view import BINS, COLUMNS, ledger_of
from queries.window import Window

DERIVED = ("layer", "period")
"""Columns of the lake that follow from others."""


@dataclass(frozen=True)
class Export:
    """A dataset that can be exported. clock: the column that the time asked about is of. dimensions: what its rows can
    be filtered by. costs: its columns that follow from the price list."""

    name: str
    help: str
    layer: str
    clock: str
    schema: pa.Schema
    dimensions: tuple[str, ...]
    costs: tuple[str, ...] = ()

    def table(self, lake: Lake) -> Table:
        return {"workloads": lake.workloads, "collections": lake.collections}.get(self.name, lake.ledger)


def schema_of(schema: pa.Schema, names: tuple[str, ...]) -> pa.Schema:
    return with_units(pa.schema([schema.field(name) for name in names if name not in DERIVED]))


LEDGER_COLUMNS = tuple(name for name in COLUMNS if name not in BINS)

COST_SCHEMA = pa.schema(
    [
        ("per_gpu_hour", pa.float64()),
        *((f"{amount.name}_cost", pa.float64()) for amount in AMOUNTS),
        ("currency", pa.string()),
    ]
)
"""Prices and costs are null where there is none."""

EXPORTS: Mapping[str, Export] = {
    export.name: export
    for export in (
        Export(
            "ledger_raw",
            "The ledger at the step of the samples: a row for each GPU, holder and step.",
            "raw",
            "time",
            schema_of(LEDGER_SCHEMA, LEDGER_COLUMNS),
            tuple(DIMENSIONS),
        ),
        Export(
            "ledger_hours",
            "The ledger by the hour: a row for each GPU, holder and hour, with its cost where there are prices.",
            "hour",
            "time",
            pa.unify_schemas([schema_of(LEDGER_SCHEMA, LEDGER_COLUMNS), COST_SCHEMA]),
            tuple(DIMENSIONS),
            tuple(COST_SCHEMA.names),
        ),
        Export(
            "workloads",
            "The changes of workloads' states, by the hour that they were collected with.",
            "",
            "window_start",
            schema_of(WORKLOADS.schema, tuple(WORKLOADS.schema.names)),
            ("cluster", "project", "user", "workload", "gpu_model"),
        ),
        Export(
            "collections",
            "The runs of the collectors, by when they began.",
            "",
            "started_at",
            schema_of(COLLECTIONS.schema, tuple(COLLECTIONS.schema.names)),
            ("cluster",),
        ),
    )
}


def day_window(day: date) -> Window:
    """A day of UTC."""
    start = datetime.combine(day, time(), UTC)
    return Window(start, start + timedelta(days=1))


@dataclass(frozen=True)
class Extract:
    """What of a dataset is asked for, by whom, of which version. columns: all, where there are none. accounting: what
    costs and departments follow from."""

    export: Export
    window: Window
    scope: Scope
    snapshot: Snapshot
    where: tuple[Condition, ...] = ()
    columns: tuple[str, ...] = ()
    accounting: Accounting = field(default_factory=Accounting)

    @property
    def joins(self) -> tuple[str, ...]:
        """What of the accounting its rows and conditions need."""
        departments = (DEPARTMENTS,) if any(condition.field == "department" for condition in self.where) else ()
        costs = (RATES, COSTS) if set(self.export.costs) & set(self.schema.names) else ()
        return (*departments, *costs)

    @property
    def schema(self) -> pa.Schema:
        whole = self.export.schema
        return pa.schema([whole.field(name) for name in self.columns]) if self.columns else whole

    def batches(self, engine: Engine, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows, so many at a time, as the schema says. No more than a few batches are held.

        Raises:
            LakeError: a file is damaged or gone.
        """
        return self._stream(engine, "export", self.schema, rows)

    def days(self, engine: Engine) -> Iterator[tuple[date, int]]:
        """The days (UTC) of which there are rows, and how many."""
        schema = pa.schema([("day", pa.date32()), ("rows", pa.int64())])
        for batch in self._stream(engine, "export_days", schema, 1_000):
            yield from zip(batch["day"].to_pylist(), batch["rows"].to_pylist(), strict=True)

    def _stream(self, engine: Engine, question: str, schema: pa.Schema, rows: int) -> Iterator[pa.RecordBatch]:
        relations = self.accounting.relations(self.joins)
        return engine.stream(question, self.scope, self._parameters(), schema, rows, relations, **self._texts())

    def digest(self) -> str:
        """Of all that the rows depend on: files never change, settings may."""
        files = sorted(self.snapshot.paths(self.export.layer, self.window))
        scope = sorted(map(str, self.scope.allowed))
        asked = (self.export.name, str(self.window), scope, self.where, self.columns, self.schema.to_string())
        said = (*asked, files, self.accounting.said(self.joins))
        return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()

    def _texts(self) -> dict[str, object]:
        return {
            "columns": [f'"{name}"' for name in self.schema.names],
            "clock": self.export.clock,
            "dataset": self._rows(),
            "conditions": [condition.sql(f"where_{place}") for place, condition in enumerate(self.where)],
        }

    def _parameters(self) -> dict[str, object]:
        values: dict[str, object] = {f"where_{place}": each.value for place, each in enumerate(self.where)}
        start, end = self.window.start.timestamp(), self.window.end.timestamp()
        return values | self.accounting.parameters(self.joins) | {"start": int(start), "end": int(end)}

    def _rows(self) -> str:
        """The SQL of the rows that the scope shows."""
        if self.export.layer:
            parts = [Part(self.export.layer, self.window)]
            return self.accounting.joined(ledger_of(self.snapshot, parts, self.scope), self.joins)
        dataset = WORKLOADS if self.export.name == "workloads" else COLLECTIONS
        source = parquet(self.snapshot.paths("", self.window), dataset.schema, self.snapshot.is_mixed)
        shown = "(scope.cluster is null or scope.cluster = each.cluster)"
        if "project" in dataset.schema.names:
            shown += " and (scope.project is null or scope.project = each.project)"
        return f"select * from {source} as each where exists (select 1 from scope where {shown})"
