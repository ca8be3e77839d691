"""Engine: bind the part of the ledger that an actor may see, and run a question over it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from queries.accounting import Accounting
from queries.collection import Runs
from queries.datasets import TIME
from queries.hot import Hot
from queries.lake import Lake
from queries.lake_error import reading
from queries.macros import MACROS
from queries.parquet import parquet
from queries.plan import Part
from queries.scope import EVERYTHING, Scope
from queries.snapshot import Snapshot
from queries.stop import Stop, read_at_most
from queries.table import Table
from queries.template import read_template, words
from queries.view import STORED, UNSTORED, ledger_of, scoped
from queries.window import Window

BOUNDLESS = 1 << 62
"""More rows than there are."""


class Engine:
    """DuckDB over the lake's files, and over what of them is in memory. Safe to use from several threads."""

    def __init__(self, lake: Lake, accounting: Accounting | None = None, hot_bytes: int = 0) -> None:
        """hot_bytes: how much memory is used for the newest part of the ledger, once it is refreshed."""
        self.lake = lake
        self.accounting = accounting or Accounting()
        self.stop = Stop()
        self.most_rows = BOUNDLESS
        self._duckdb = duckdb.connect(":memory:")
        self._duckdb.execute("set timezone = 'UTC'")
        self._duckdb.execute("set parquet_metadata_cache = true")
        self._duckdb.execute(MACROS)
        self.hot = Hot(self._duckdb, hot_bytes)

    def snapshot(self) -> Snapshot:
        """The newest version of the ledger, with what of it is in memory.

        Raises:
            LakeError: the table is there and cannot be read.
        """
        return self.hot.known_to(self.lake.snapshot())

    def known(self) -> Snapshot | None:
        """The newest version, where it can be told at once."""
        snapshot = self.lake.known()
        return self.hot.known_to(snapshot) if snapshot else None

    def within(self, stop: Stop, most_rows: int) -> "Engine":
        """The same engine for one question, which can be stopped, and whose answer has no more rows than that."""
        limited = copy(self)
        limited.stop, limited.most_rows = stop, most_rows
        return limited

    def of(self, accounting: Accounting) -> "Engine":
        """The same engine, where the organisation is another by now."""
        changed = copy(self)
        changed.accounting = accounting
        return changed

    def ask(
        self,
        question: str,
        scope: Scope,
        snapshot: Snapshot,
        parts: list[Part],
        parameters: Mapping[str, Any],
        relations: Mapping[str, pa.Table] = MappingProxyType({}),
        joins: Sequence[str] = (),
        is_grouped: bool = False,
        with_times: bool = False,
        history: Sequence[Part] = (),
        **texts: object,
    ) -> pa.Table:
        """Run one question file over the part of the ledger that a scope shows.

        parts: the time to read and the layers to read it from; history: of a second look at the ledger. parameters: the
        values of the question's ``$names``. relations: tables that it joins. joins: what of the accounting it asks for.
        is_grouped: whether it asks for nothing finer than GROUP_KEYS. with_times: whether it asks when clusters were
        collected, also where they have no rows to show. texts: what is filled in of the catalogue's identifiers; never
        a user's text.
        Raises:
            LakeError: a file is damaged or gone.
        """
        looks = {"ledger": parts, "history": history}
        looked_at = {name: self.accounting.joined(f"@{name}", joins) for name in looks}
        sql = read_template("queries.questions", question).render(**looked_at, **texts)
        names = words(sql)
        quotas = self.accounting.assigned.quotas
        has_quotas = bool(names & set(UNSTORED)) or (len(quotas) > 0 and bool(names & set(STORED)))
        for name, looked in looks.items():
            if looked:
                shown = ledger_of(snapshot, looked, scope, names, is_grouped, with_times, has_quotas)
                sql = sql.replace(f"@{name}", shown)
        bound = {**relations, **self.accounting.relations(joins), **({"quotas_set": quotas} if has_quotas else {})}
        return self._run(sql, scope, parameters, bound)

    def ask_changes(
        self,
        question: str,
        scope: Scope,
        window: Window,
        parameters: Mapping[str, Any],
        relations: Mapping[str, pa.Table] = MappingProxyType({}),
        joins: Sequence[str] = (),
        **texts: Any,
    ) -> pa.Table:
        """Run one question file over the changes of workloads' states that a scope shows."""
        changes = self.accounting.joined(self.changes(scope, window), joins)
        sql = read_template("queries.questions", question).render(changes=changes, **texts)
        return self._run(sql, scope, parameters, {**relations, **self.accounting.relations(joins)})

    def changes(self, scope: Scope, window: Window) -> str:
        """The SQL of the changes of workloads' states, collected with the hours of a window, that a scope shows."""
        snapshot = self.lake.workloads.snapshot()
        schema = self.lake.workloads.dataset.schema
        return scoped(f"select * from {parquet(snapshot.paths('', window), schema, snapshot.is_mixed)}", scope)

    def ask_files(self, question: str, table: Table, paths: Sequence[str], **texts: Any) -> pa.Table:
        """Run one question file over some files of a table, whoever may see them: for indexes, which answer nobody."""
        rows = parquet(paths, table.dataset.schema, table.snapshot().is_mixed)
        sql = read_template("queries.questions", question).render(rows=f"select * from {rows}", **texts)
        return self._run(sql, EVERYTHING, {})

    def ask_runs(self, question: str, scope: Scope, window: Window, parameters: Mapping[str, Any]) -> pa.Table:
        """Run one question file over the runs of collectors that began in a window, of the clusters that a scope
        shows."""
        snapshot = self.lake.collections.snapshot()
        source = parquet(snapshot.paths("", window), self.lake.collections.dataset.schema, snapshot.is_mixed)
        shown = "exists (select 1 from scope where scope.cluster is null or scope.cluster = run.cluster)"
        runs = f"select * from {source} as run where {shown}"
        return self._run(read_template("queries.questions", question).render(runs=runs), scope, parameters)

    def ask_collections(self, scope: Scope, window: Window, counted_since: datetime) -> list[Runs]:
        """How the collection of the clusters went that a scope shows, by the runs that began in a window."""
        snapshot = self.lake.collections.snapshot()
        paths = snapshot.paths("", window)
        if not paths:
            return []
        source = parquet(paths, self.lake.collections.dataset.schema, snapshot.is_mixed)
        parameters = {"counted_since": int(counted_since.timestamp())}
        sql = read_template("queries.questions", "collections").render(collections=f"select * from {source}")
        rows = self._run(sql, scope, parameters)
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
                if name in sql:
                    cursor.register(name, table)
            with self._reading(cursor):
                reader: pa.RecordBatchReader = cursor.sql(sql, params=used).to_arrow_reader(rows)
            while True:
                with self._reading(cursor):
                    batch: pa.RecordBatch | None = next(reader, None)
                if batch is None:
                    return
                yield batch.cast(schema)

    @contextmanager
    def _reading(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        with reading(self.lake.folder), self.stop.watching(cursor):
            yield

    def _run(
        self,
        sql: str,
        scope: Scope,
        parameters: Mapping[str, Any],
        relations: Mapping[str, pa.Table] = MappingProxyType({}),
    ) -> pa.Table:
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        with self._duckdb.cursor() as cursor:
            for name, table in {**relations, "scope": scope.table()}.items():
                if name in sql:
                    cursor.register(name, table)
            with self._reading(cursor):
                return in_utc(read_at_most(cursor, sql, used, self.most_rows))

    def close(self) -> None:
        self._duckdb.close()


def in_utc(table: pa.Table) -> pa.Table:
    """The same times, in a zone that everyone knows by this name."""
    fields = [field.with_type(TIME) if pa.types.is_timestamp(field.type) else field for field in table.schema]
    schema = pa.schema(fields)
    return table if table.schema == schema else table.cast(schema)
