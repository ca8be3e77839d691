"""Table: one dataset of the lake as a Delta table in a folder. Files are listed from its log."""

import math
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import stamina
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from queries.datasets import TIME, Dataset
from queries.lake_error import unreadable, unwritable
from queries.parquet import QUICKLY, THOROUGHLY, append, overwrite, parquet
from queries.snapshot import COLUMNS_SINCE, Snapshot
from queries.window import HOUR, Window, format_time, milliseconds

T = TypeVar("T")

Review = Callable[[Snapshot, list[Window], pa.Table], pa.Table]

CONFLICTS = 20
"""How often a commit is tried again that another one overtook."""

VACUUM_AFTER = timedelta(hours=1)
"""How long files that no version needs any more are kept for readers of older versions."""

BEGUN = re.compile(r"#\d+$")
"""How the names of files end that delta-rs is still writing."""

CONFIGURATION: dict[str, str | None] = {
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.logRetentionDuration": "interval 1 days",
}

Mark = tuple[int, int, int]
"""What tells one file from another that took its place: inode, time of change, size."""


class Table:
    """A table in a folder. Safe to use from several threads and processes."""

    def __init__(self, folder: str, dataset: Dataset) -> None:
        self.folder = folder
        self.dataset = dataset
        self._lock = threading.Lock()
        self._table: DeltaTable | None = None
        self._mark: Mark | None = None
        self._snapshot = Snapshot.nothing(folder)

    def create(self) -> bool:
        """Make the table if it is not there, and add to it the columns that an earlier version did not have.

        Returns:
            Whether it had to be made.
        Raises:
            LakeError: the folder cannot be written.
        """
        self._check_folder()
        self._remove_remnant()
        try:
            if DeltaTable.is_deltatable(self.folder):
                self._add_columns()
                return False
            DeltaTable.create(
                self.folder,
                self.dataset.schema,
                partition_by=list(self.dataset.partitions),
                configuration=CONFIGURATION | {"delta.dataSkippingStatsColumns": ",".join(self.dataset.statistics)},
            )
        except (OSError, DeltaError) as error:
            if not DeltaTable.is_deltatable(self.folder):  # no other process was faster
                raise unwritable(self.folder, error) from error
        return True

    def known(self) -> Snapshot | None:
        """The newest version, where that is the last one that was read: its commit is the one that we know, and the
        last. It is found without waiting for anybody."""
        snapshot, mark = self._snapshot, self._mark
        is_last = mark is not None and mark == self._mark_of(snapshot.version)
        return snapshot if is_last and self._mark_of(snapshot.version + 1) is None else None

    def snapshot(self) -> Snapshot:
        """The newest version. Asking costs some microseconds where nothing has changed.

        Raises:
            LakeError: the table is there and cannot be read.
        """
        if known := self.known():
            return known
        with self._lock:
            if known := self.known():
                return known
            try:
                table = self._newest()
            except TableNotFoundError:
                self._table, self._snapshot = None, Snapshot.nothing(self.folder)
                return self._snapshot
            except (OSError, DeltaError) as error:
                self._table = None
                raise unreadable(self.folder, error) from error
            if table.version() != self._snapshot.version:
                self._snapshot = Snapshot.of(table, self.folder, self.dataset)
            return self._snapshot

    def append(self, rows: pa.Table) -> None:
        """Add rows. Several processes may do so at once.

        Raises:
            LakeError: the lake cannot be written.
        """
        self._commit(lambda table: append(table, rows, QUICKLY))

    def replace(
        self, cluster: str, window: Window, rows: pa.Table, revision: int, review: Review | None = None
    ) -> list[Window]:
        """Make ``rows`` (they may be none) all that the table says of a cluster and some hours, in one commit. An hour
        of which it holds the same or a later revision is left as it is.

        review: sees the version that is to be changed, and says what is written in the place of the rows; an hour of
        which it says nothing is left as it is.
        Returns:
            The hours that were written.
        Raises:
            LakeError: the lake cannot be written.
        """
        applications = {hour: f"{cluster}/{format_time(hour.start)}" for hour in window.hours()}

        def replace_in(table: DeltaTable) -> list[Window]:
            done = [hour for hour, name in applications.items() if (table.transaction_version(name) or 0) >= revision]
            older = [hour for hour in applications if hour not in done]
            found = without(done, rows) if done else rows
            if older and review:
                found = review(Snapshot.of(table, self.folder, self.dataset), older, found)
                older = with_rows(older, found)
            if older:
                starts = ", ".join(f"'{hour.start.isoformat()}'" for hour in older)
                overwrite(
                    table,
                    found,
                    QUICKLY,
                    f"cluster = '{cluster}' and window_start in ({starts})",
                    CommitProperties(app_transactions=[Transaction(applications[hour], revision) for hour in older]),
                )
            return older

        return self._commit(replace_in)

    def rows(self, cluster: str, window: Window) -> pa.Table:
        """What a table without layers says of a cluster and some hours."""
        paths = self.snapshot().paths("", window, [cluster])
        return self._read_rows(paths, "", window) if paths else self.dataset.schema.empty_table()

    def compact(self, cluster: str, layer: str, window: Window) -> int:
        """Put the rows of one cluster and layer, of a time that is over, into one file.

        Returns:
            How many files there were.
        """
        clock = self.dataset.clock
        own_layer = f" and layer = '{layer}'" if layer else ""

        def compact_in(table: DeltaTable) -> int:
            paths = Snapshot.of(table, self.folder, self.dataset).paths(layer, window, [cluster])
            if len(paths) > 1:  # else somebody was faster
                overwrite(
                    table,
                    self._read_rows(paths, layer, window),
                    THOROUGHLY,
                    f"cluster = '{cluster}'{own_layer}"
                    f" and {clock} >= '{window.start.isoformat()}' and {clock} < '{window.end.isoformat()}'",
                )
            return len(paths)

        return self._commit(compact_in)

    def drop(self, cluster: str, layer: str, period: str) -> None:
        """Forget one period of a cluster and layer."""
        own_layer = f" and layer = '{layer}'" if layer else ""
        self._commit(lambda table: table.delete(f"cluster = '{cluster}' and period = '{period}'{own_layer}"))

    def forget_missing(self) -> None:
        """Take the files out of the log that are not there any more."""
        self._commit(lambda table: table.repair())

    def checkpoint(self) -> None:
        """Sum up the log in one file, so that it opens quickly, and remove what of it is summed up and old."""

        def checkpoint_in(table: DeltaTable) -> None:
            table.create_checkpoint()
            table.cleanup_metadata()

        self._commit(checkpoint_in)

    def vacuum(self, kept: timedelta = VACUUM_AFTER) -> int:
        """Remove the files that no version needs any more, also those of writers that were killed.

        kept: how long (whole hours) they are kept for readers of older versions, and for writers that are not done.
        Returns:
            How many files were removed.
        """
        hours = int(kept / HOUR)
        removed = self._commit(
            lambda table: len(table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True))
        )
        return removed + self._remove_begun(time.time() - kept.total_seconds())

    def _remove_begun(self, before: float) -> int:
        """Remove the files that killed writers had begun and not renamed yet, which vacuum does not see."""
        begun = [path for path in Path(self.folder).rglob("*") if BEGUN.search(path.name)]
        old = [path for path in begun if last_written(path) <= before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _commit(self, change: Callable[[DeltaTable], T]) -> T:
        """Try a change on the newest version, again where another commit overtook it."""
        try:
            for attempt in stamina.retry_context(
                on=CommitFailedError, attempts=CONFLICTS, wait_initial=0.02, wait_max=1.0, wait_jitter=0.1
            ):
                with attempt:
                    return change(DeltaTable(self.folder))
        except (OSError, DeltaError, duckdb.Error) as error:
            raise unwritable(self.folder, error) from error
        raise AssertionError("a retry ends with an answer or an error")

    def _newest(self) -> DeltaTable:
        """The open table brought up to date; opened anew where its last commit is not the one that we know: the table
        was deleted, and perhaps made again, or its log was summed up long ago."""
        if self._table is not None and self._mark == self._mark_of(self._table.version()):
            self._table.update_incremental()
        else:
            self._table = DeltaTable(self.folder)
            self._snapshot = Snapshot.nothing(self.folder)
        self._mark = self._mark_of(self._table.version())
        return self._table

    def _mark_of(self, version: int) -> Mark | None:
        """Of the commit of a version; None where it is not there."""
        try:
            found = os.stat(f"{self.folder}/_delta_log/{version:020}.json")
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read_rows(self, paths: list[str], layer: str, window: Window) -> pa.Table:
        """Whole rows, ordered so that what is alike lies together."""
        clock = self.dataset.clock
        with duckdb.connect() as connection:
            rows = connection.sql(
                f"select * from {parquet(paths, self.dataset.schema, is_mixed=True)}"
                f" where {clock} >= $start and {clock} < $end order by {self.dataset.orders[layer]}",
                params={"start": window.start, "end": window.end},
            ).to_arrow_table()
        return rows.select(self.dataset.schema.names).cast(self.dataset.schema)

    def _add_columns(self) -> None:
        """What files that are there lack is null."""
        table = DeltaTable(self.folder)
        there = {field.name for field in table.schema().fields}
        missing = [field for field in Schema.from_arrow(self.dataset.schema).fields if field.name not in there]
        if missing:
            table.alter.add_columns(missing)
            now = str(milliseconds(datetime.now(UTC)))
            table.alter.set_table_properties({COLUMNS_SINCE: now}, raise_if_not_exists=False)

    def _remove_remnant(self) -> None:
        """A commit that was under way while the table was deleted leaves a log without a beginning, which nobody can
        read. Its hours are missing then, and collected again."""
        log = Path(self.folder) / "_delta_log"
        names = os.listdir(log) if log.is_dir() else []
        if any(name.startswith(f"{0:020}.") or ".checkpoint." in name for name in names):
            return
        for name in names:
            if name.endswith(".json"):
                (log / name).unlink(missing_ok=True)

    def _check_folder(self) -> None:
        try:
            Path(self.folder).mkdir(parents=True, exist_ok=True)
            probe = Path(self.folder) / f".writable-{os.getpid()}-{threading.get_ident()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise unwritable(self.folder, error) from None


def last_written(path: Path) -> float:
    """A Unix time; none at all for a file that was renamed meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def with_rows(hours: list[Window], rows: pa.Table) -> list[Window]:
    starts = {start.astimezone(UTC) for start in rows["window_start"].unique().to_pylist()}
    return [hour for hour in hours if hour.start in starts]


def without(hours: list[Window], rows: pa.Table) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["window_start"], pa.array([hour.start for hour in hours], TIME))))
