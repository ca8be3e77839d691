"""Lake: the ledger as a Delta table. A window is replaced, never appended; files are listed from the log."""

import os
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import stamina
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from queries.datasets import LEDGER_SCHEMA, PARTITIONS, TIME
from queries.window import HOUR, Window, format_time

T = TypeVar("T")

CONFIGURATION: dict[str, str | None] = {
    "delta.dataSkippingStatsColumns": "window_start,revision,time",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.logRetentionDuration": "interval 1 days",
}

REPEATING = 4
"""A column of numbers with fewer than one distinct value in so many rows is stored as a dictionary, another byte by
byte."""

CONFLICTS = 20
"""How often a commit is tried again that another one overtook."""

VACUUM_AFTER = timedelta(hours=1)
"""How long files that no version needs any more are kept for readers of older versions."""

LOOKED_AT = 2_000
"""How many rows are looked at to tell."""

QUICKLY, THOROUGHLY = 1, 3
"""How hard files are compressed (ZSTD): those that will be compacted, and those that stay."""


class LakeError(Exception):
    """The lake cannot be read or written; the message names the path and what would be right."""


@dataclass(frozen=True)
class Snapshot:
    """One version of the ledger table: its files, with what the log says of each.

    ``files`` has the columns path, cluster, layer, period, and the smallest and largest window_start and revision.
    """

    version: int
    folder: str
    files: pa.Table

    def paths(self, layer: str, window: Window, clusters: list[str] | None = None) -> list[str]:
        """The files that can hold rows of these hours."""
        files = self.files
        mask = pc.and_(
            pc.equal(files["layer"], layer),
            pc.and_(
                pc.less(files["min_window"], pa.scalar(window.end, TIME)),
                pc.greater(files["max_window"], pa.scalar(window.start - HOUR, TIME)),
            ),
        )
        if clusters is not None:
            mask = pc.and_(mask, pc.is_in(files["cluster"], pa.array(clusters, pa.string())))
        return [f"{self.folder}/{path}" for path in files.filter(mask)["path"].to_pylist()]

    def expired(self, layer: str, before: datetime) -> list[tuple[str, str]]:
        """The clusters and periods of a layer that ended before a time."""
        rows = self.files.filter(pc.equal(self.files["layer"], layer)).group_by(["cluster", "period"]).aggregate([])
        return sorted(
            (row["cluster"], row["period"]) for row in rows.to_pylist() if period_window(row["period"]).end <= before
        )

    def scattered(self, before: datetime) -> list[tuple[str, str, Window]]:
        """The clusters, layers and windows that ended before a time and lie in more than one file: whole periods, and
        days of months that have not ended."""
        files: dict[tuple[str, str, Window], int] = defaultdict(int)
        for file in self.files.to_pylist():
            window = period_window(file["period"])
            if window.end > before:
                window = period_window(file["min_window"].strftime("%Y-%m-%d"))
            if window.end <= before:
                files[file["cluster"], file["layer"], window] += 1
        return sorted(key for key, count in files.items() if count > 1)

    def collected_until(self) -> dict[str, datetime]:
        """Per cluster, the time up to which its newest hour was collected."""
        newest: dict[str, tuple[datetime, int]] = {}
        for file in self.files.select(["cluster", "max_window", "max_revision"]).to_pylist():
            found = (file["max_window"], file["max_revision"])
            newest[file["cluster"]] = max(newest.get(file["cluster"], found), found)
        return {
            cluster: min(window.astimezone(UTC) + HOUR, datetime.fromtimestamp(revision, UTC))
            for cluster, (window, revision) in newest.items()
        }

    def revisions(self, cluster: str, window: Window) -> dict[datetime, int]:
        """What is done: per hour that was collected, the Unix second at which it was read."""
        paths = self.paths("hour", window, [cluster])
        of_one_hour = {
            f"{self.folder}/{file['path']}": file
            for file in self.files.to_pylist()
            if file["min_window"] == file["max_window"]
        }
        done = {
            of_one_hour[path]["min_window"]: of_one_hour[path]["max_revision"] for path in paths if path in of_one_hour
        }
        of_many = [path for path in paths if path not in of_one_hour]
        if of_many:
            with duckdb.connect() as connection:
                rows = connection.sql(
                    "select epoch(window_start), max(revision) from read_parquet($paths) group by all",
                    params={"paths": of_many},
                ).fetchall()
            done |= {datetime.fromtimestamp(start, UTC): revision for start, revision in rows}
        return {start: revision for start, revision in done.items() if window.start <= start < window.end}


def period_window(period: str) -> Window:
    """The day or month that a partition is named after."""
    is_day = period.count("-") > 1
    start = datetime.strptime(period if is_day else f"{period}-01", "%Y-%m-%d").replace(tzinfo=UTC)
    return Window(start, start + timedelta(days=1) if is_day else (start + timedelta(days=31)).replace(day=1))


EMPTY_FILES = pa.schema(
    [(name, pa.string()) for name in ("path", "cluster", "layer", "period")]
    + [("min_window", TIME), ("max_window", TIME), ("max_revision", pa.int64()), ("size", pa.int64())]
)


class Lake:
    """The ledger table in a folder. Safe to use from several threads and processes."""

    def __init__(self, path: str) -> None:
        if "://" in path:
            raise LakeError(
                f"store.path = {path!r}: only local folders can hold the lake so far; write a path, as in ./data"
            )
        self.folder = str(Path(path).absolute() / "ledger")
        self._lock = threading.Lock()
        self._table: DeltaTable | None = None
        self._snapshot = Snapshot(-1, self.folder, EMPTY_FILES.empty_table())

    def create(self) -> None:
        """Make the table if it is not there.

        Raises:
            LakeError: the folder cannot be written.
        """
        try:
            Path(self.folder).mkdir(parents=True, exist_ok=True)
            probe = Path(self.folder) / f".writable-{os.getpid()}-{threading.get_ident()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise LakeError(
                f"store.path: cannot write to {self.folder}: {error.strerror}; name a folder that this user can write"
            ) from None
        if not DeltaTable.is_deltatable(self.folder):
            try:
                DeltaTable.create(self.folder, LEDGER_SCHEMA, partition_by=PARTITIONS, configuration=CONFIGURATION)
            except DeltaError:  # another process was faster
                if not DeltaTable.is_deltatable(self.folder):
                    raise

    def snapshot(self) -> Snapshot:
        """The newest version. Asking costs about a millisecond where nothing has changed."""
        with self._lock:
            try:
                if self._table is None:
                    self._table = DeltaTable(self.folder)
                else:
                    self._table.update_incremental()
            except TableNotFoundError:
                self._table = None
                self._snapshot = Snapshot(-1, self.folder, EMPTY_FILES.empty_table())
                return self._snapshot
            version = self._table.version()
            if version != self._snapshot.version:
                self._snapshot = Snapshot(version, self.folder, list_files(self._table))
            return self._snapshot

    def replace(self, window: Window, rows: pa.Table) -> list[Window]:
        """Make ``rows`` all that the ledger says of their cluster and these hours, in one commit. An hour of which the
        lake holds the same or a later revision is left as it is.

        Returns:
            The hours that were written.
        Raises:
            LakeError: the lake cannot be written.
        """
        cluster, revision = rows["cluster"][0].as_py(), rows["revision"][0].as_py()
        applications = {hour: f"{cluster}/{format_time(hour.start)}" for hour in window.hours()}

        def replace_in(table: DeltaTable) -> list[Window]:
            done = [hour for hour, name in applications.items() if (table.transaction_version(name) or 0) >= revision]
            older = [hour for hour in applications if hour not in done]
            if older:
                starts = ", ".join(f"'{hour.start.isoformat()}'" for hour in older)
                overwrite(
                    table,
                    without(done, rows) if done else rows,
                    f"cluster = '{cluster}' and window_start in ({starts})",
                    QUICKLY,
                    CommitProperties(app_transactions=[Transaction(applications[hour], revision) for hour in older]),
                )
            return older

        return self._commit(replace_in)

    def compact(self, cluster: str, layer: str, window: Window) -> int:
        """Put the rows of one cluster and layer, of hours that are final, into one file.

        Returns:
            How many files there were.
        """

        def compact_in(table: DeltaTable) -> int:
            paths = Snapshot(table.version(), self.folder, list_files(table)).paths(layer, window, [cluster])
            overwrite(
                table,
                read_rows(paths, layer, window),
                f"cluster = '{cluster}' and layer = '{layer}'"
                f" and window_start >= '{window.start.isoformat()}' and window_start < '{window.end.isoformat()}'",
                THOROUGHLY,
            )
            return len(paths)

        return self._commit(compact_in)

    def drop(self, cluster: str, layer: str, period: str) -> None:
        """Forget one day of raw rows, or one month of hourly rows."""
        self._commit(lambda table: table.delete(f"cluster = '{cluster}' and layer = '{layer}' and period = '{period}'"))

    def vacuum(self, kept: timedelta = VACUUM_AFTER) -> int:
        """Remove the files that no version needs any more, also those of writers that were killed.

        kept: how long (whole hours) they are kept for readers of older versions, and for writers that are not done.
        Returns:
            How many files were removed.
        """
        hours = int(kept / HOUR)
        return self._commit(
            lambda table: len(table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True))
        )

    def _commit(self, change: Callable[[DeltaTable], T]) -> T:
        """Try a change on the newest version, again where another commit overtook it."""
        try:
            for attempt in stamina.retry_context(
                on=CommitFailedError, attempts=CONFLICTS, wait_initial=0.02, wait_max=1.0
            ):
                with attempt:
                    return change(DeltaTable(self.folder))
        except (OSError, DeltaError) as error:
            raise LakeError(f"store.path: cannot write to {self.folder}: {error}") from error
        raise AssertionError("a retry ends with an answer or an error")


def without(hours: list[Window], rows: pa.Table) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["window_start"], pa.array([hour.start for hour in hours], TIME))))


def overwrite(
    table: DeltaTable, rows: pa.Table, predicate: str, level: int, properties: CommitProperties | None = None
) -> None:
    write_deltalake(
        table,
        rows,
        mode="overwrite",
        predicate=predicate,
        writer_properties=writer_properties(rows, level),
        commit_properties=properties,
    )


def read_rows(paths: list[str], layer: str, window: Window) -> pa.Table:
    """Whole rows, ordered so that what is alike lies together."""
    order = (
        "node, gpu_uuid, gpu_instance, namespace, pod, time"
        if layer == "raw"
        else "window_start, node, gpu_uuid, gpu_instance"
    )
    with duckdb.connect() as connection:
        rows = connection.sql(
            "select * from read_parquet($paths, hive_partitioning = true, hive_types_autocast = false)"
            f" where window_start >= $start and window_start < $end order by {order}",
            params={"paths": paths, "start": window.start, "end": window.end},
        ).to_arrow_table()
    return rows.select(LEDGER_SCHEMA.names).cast(LEDGER_SCHEMA)


def writer_properties(rows: pa.Table, level: int) -> WriterProperties:
    """How the rows are compressed best: numbers that hardly repeat do not gain from a dictionary."""
    noisy = [
        name
        for name, column in zip(rows.column_names, rows.columns, strict=True)
        if pa.types.is_floating(column.type)
        and pc.count_distinct(column.slice(0, LOOKED_AT)).as_py() * REPEATING > min(len(column), LOOKED_AT)
    ]
    split = ColumnProperties(dictionary_enabled=False, encoding="BYTE_STREAM_SPLIT")
    return WriterProperties(compression="ZSTD", compression_level=level, column_properties=dict.fromkeys(noisy, split))


def list_files(table: DeltaTable) -> pa.Table:
    """The files of a table's version, from its log alone."""
    files = pa.table(table.get_add_actions(flatten=True))
    columns = {
        "path": "path",
        "partition.cluster": "cluster",
        "partition.layer": "layer",
        "partition.period": "period",
        "min.window_start": "min_window",
        "max.window_start": "max_window",
        "max.revision": "max_revision",
        "size_bytes": "size",
    }
    return (
        files.select(list(columns)).rename_columns(list(columns.values())).cast(EMPTY_FILES)
        if len(files)
        else EMPTY_FILES.empty_table()
    )
