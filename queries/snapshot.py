"""Snapshot: one version of a table of the lake, and what its log says of each file."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from queries.datasets import TIME, Dataset
from queries.lake_error import unreadable
from queries.plan import Part
from queries.segment import Segment
from queries.window import HOUR, Window

FILES = pa.schema(
    [(name, pa.string()) for name in ("path", "cluster", "layer", "period")]
    + [("min_window", TIME), ("max_window", TIME), ("max_revision", pa.int64()), ("size", pa.int64())]
)

COLUMNS_SINCE = "metrics_api.columns_since"
"""The property of a table that says when (Unix milliseconds) columns were added to it."""


@dataclass(frozen=True)
class Snapshot:
    """One version of a table: its files, as in FILES. ``min_window`` and ``max_window`` are the extremes of the
    dataset's clock; ``layer`` is empty where a dataset has none, ``max_revision`` null where it has none."""

    version: int
    folder: str
    files: pa.Table
    is_mixed: bool = False
    """Whether some files were written before the newest columns were added."""
    segments: tuple[Segment, ...] = ()
    """What of its rows is in memory."""

    @classmethod
    def of(cls, table: DeltaTable, folder: str, dataset: Dataset) -> "Snapshot":
        return cls(table.version(), folder, list_files(table, dataset), has_older_files(table))

    @classmethod
    def nothing(cls, folder: str) -> "Snapshot":
        """Of a table that is not there."""
        return cls(-1, folder, FILES.empty_table())

    def paths(self, layer: str, window: Window, clusters: list[str] | None = None) -> list[str]:
        """The files that can hold rows of these hours."""
        return [f"{self.folder}/{path}" for path in self._of(layer, window, clusters)["path"].to_pylist()]

    def files_of(self, part: Part) -> tuple[str, ...]:
        """The files that can hold rows of a part: while they are the same, so are its rows."""
        return tuple(sorted(self.paths(part.layer, part.window)))

    def bytes_of(self, part: Part) -> int:
        """The size of the files that can hold rows of a part."""
        return pc.sum(self._of(part.layer, part.window)["size"]).as_py() or 0

    def clusters_of(self, part: Part) -> list[str]:
        """The clusters that have files of a part."""
        return sorted(self._of(part.layer, part.window)["cluster"].unique().to_pylist())

    def _of(self, layer: str, window: Window, clusters: list[str] | None = None) -> pa.Table:
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
        return files.filter(mask)

    @cached_property
    def hours(self) -> Window | None:
        """From the oldest hour that is kept of any cluster to the end of the newest."""
        oldest, newest = (pc.min(self.files["min_window"]).as_py(), pc.max(self.files["max_window"]).as_py())
        return Window(oldest.astimezone(UTC), newest.astimezone(UTC) + HOUR) if newest else None

    def expired(self, layer: str, before: datetime) -> list[tuple[str, str]]:
        """The clusters and periods of a layer that ended before a time."""
        rows = self.files.filter(pc.equal(self.files["layer"], layer)).group_by(["cluster", "period"]).aggregate([])
        return sorted(
            (row["cluster"], row["period"]) for row in rows.to_pylist() if period_window(row["period"]).end <= before
        )

    def scattered(self, before: datetime) -> list[tuple[str, str, Window]]:
        """The clusters, layers and windows that ended before a time and lie in more than one file: whole periods, and
        days of months, and hours of days, that have not ended."""
        files: dict[tuple[str, str, Window], int] = defaultdict(int)
        for file in self.files.to_pylist():
            window = ended_window(file["period"], file["min_window"], before)
            if window:
                files[file["cluster"], file["layer"], window] += 1
        return sorted(key for key, count in files.items() if count > 1)

    def samples_since(self) -> datetime | None:
        """From when on the samples of all clusters are still there; None where none were dropped of any."""
        return self._samples_since

    @cached_property
    def _samples_since(self) -> datetime | None:
        grouped = self.files.group_by(["cluster", "layer"]).aggregate([("min_window", "min"), ("max_window", "max")])
        spans = {
            (row["cluster"], row["layer"]): (row["min_window_min"], row["max_window_max"])
            for row in grouped.to_pylist()
        }
        dropped = [
            spans[cluster, "raw"][0] if (cluster, "raw") in spans else last + HOUR
            for (cluster, layer), (first, last) in spans.items()
            if layer == "hour" and first < spans.get((cluster, "raw"), (last + HOUR,))[0]
        ]
        return max(dropped).astimezone(UTC) if dropped else None

    def collected_until(self) -> dict[str, datetime]:
        """Per cluster, the time up to which its newest hour was collected."""
        return dict(self._collected_until)

    @cached_property
    def _collected_until(self) -> dict[str, datetime]:
        newest: dict[str, tuple[datetime, int]] = {}
        for file in self.files.select(["cluster", "max_window", "max_revision"]).to_pylist():
            found = (file["max_window"], file["max_revision"])
            newest[file["cluster"]] = max(newest.get(file["cluster"], found), found)
        return {
            cluster: min(window.astimezone(UTC) + HOUR, datetime.fromtimestamp(revision, UTC))
            for cluster, (window, revision) in newest.items()
        }

    def count_collected(self, before: datetime) -> int:
        """How many clusters were collected up to a time before another."""
        return bisect_left(self._ends, before)

    @cached_property
    def _ends(self) -> list[datetime]:
        return sorted(self._collected_until.values())

    def revisions(self, cluster: str, window: Window) -> dict[datetime, int]:
        """What is done: per hour that was collected, the Unix second at which it was read.

        Raises:
            LakeError: a file is damaged or gone.
        """
        paths = self.paths("hour", window, [cluster])
        of_one_hour = {
            f"{self.folder}/{file['path']}": file
            for file in self.files.to_pylist()
            if file["min_window"] == file["max_window"]
        }
        done = {
            of_one_hour[path]["min_window"].astimezone(UTC): of_one_hour[path]["max_revision"]
            for path in paths
            if path in of_one_hour
        }
        of_many = [path for path in paths if path not in of_one_hour]
        if of_many:
            done |= read_revisions(self.folder, of_many)
        return {start: revision for start, revision in done.items() if window.start <= start < window.end}

    def unfinished(self, cluster: str, window: Window, grace: timedelta) -> Iterator[Window]:
        """The hours of a window that are missing, or were last read before their grace had passed."""
        done = self.revisions(cluster, window)
        for hour in window.hours():
            if done.get(hour.start, 0) < (hour.end + grace).timestamp():
                yield hour


def read_revisions(folder: str, paths: list[str]) -> dict[datetime, int]:
    """The revisions of the hours in files that hold several."""
    try:
        with duckdb.connect() as connection:
            rows = connection.sql(
                "select epoch(window_start), max(revision) from read_parquet($paths) group by all",
                params={"paths": paths},
            ).fetchall()
    except duckdb.Error as error:
        raise unreadable(folder, error) from error
    return {datetime.fromtimestamp(start, UTC): revision for start, revision in rows}


def ended_window(period: str, time: datetime, before: datetime) -> Window | None:
    """The longest of a period, a day and an hour around a time of it that ended before another time."""
    windows = (period_window(period), period_window(time.strftime("%Y-%m-%d")), Window.hour_of(time))
    return next((window for window in windows if window.end <= before), None)


def period_window(period: str) -> Window:
    """The day or month that a partition is named after."""
    is_day = period.count("-") > 1
    start = datetime.strptime(period if is_day else f"{period}-01", "%Y-%m-%d").replace(tzinfo=UTC)
    return Window(start, start + timedelta(days=1) if is_day else (start + timedelta(days=31)).replace(day=1))


def list_files(table: DeltaTable, dataset: Dataset) -> pa.Table:
    """The files of a table's version, from its log alone."""
    found = pa.table(table.get_add_actions(flatten=True))
    if not len(found):
        return FILES.empty_table()
    columns = {
        "path": "path",
        "cluster": "partition.cluster",
        "layer": "partition.layer",
        "period": "partition.period",
        "min_window": f"min.{dataset.clock}",
        "max_window": f"max.{dataset.clock}",
        "max_revision": "max.revision",
        "size": "size_bytes",
    }
    nothing = {"layer": pa.repeat("", len(found)), "max_revision": pa.nulls(len(found))}
    listed = {
        name: found[source] if source in found.column_names else nothing[name] for name, source in columns.items()
    }
    return pa.table(listed).cast(FILES)


def has_older_files(table: DeltaTable) -> bool:
    since = table.metadata().configuration.get(COLUMNS_SINCE)
    if since is None:
        return False
    written = pa.table(table.get_add_actions(flatten=True)).column("modification_time")
    oldest = pc.min(written).cast(pa.timestamp("ms")).cast(pa.int64()).as_py()
    return oldest is not None and oldest <= int(since)
