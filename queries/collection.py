"""Collection: one run of a collector, as it becomes a row of the lake, also where it failed; and many, summed up."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

import duckdb
import pyarrow as pa

from queries.datasets import COLLECTIONS
from queries.lake_error import unreadable
from queries.macros import MACROS
from queries.parquet import parquet
from queries.table import Table
from queries.template import read_template
from queries.window import Window

Kind = Literal["live", "fill", "correction"]


@dataclass(frozen=True)
class Collection:
    """What a run was to collect, what came of it, and what it took. error: why it failed, None where it did not.
    counted: per hour that is final with this run, how many samples Prometheus had of it."""

    cluster: str
    kind: Kind
    window: Window
    started_at: datetime
    duration_seconds: float
    samples_read: int = 0
    bytes_read: int = 0
    hours_written: int = 0
    rows_written: int = 0
    error: str | None = None
    warnings: tuple[str, ...] = ()
    counted: Mapping[datetime, int] = field(default_factory=dict)

    def table(self) -> pa.Table:
        """One row, in the columns of COLLECTIONS."""
        row = asdict(self) | {
            "period": self.started_at.strftime("%Y-%m"),
            "window_start": self.window.start,
            "window_end": self.window.end,
            "success": self.error is None,
            "counted": [{"hour": hour, "samples": samples} for hour, samples in self.counted.items()],
        }
        return pa.Table.from_pylist([row], schema=COLLECTIONS.schema)


@dataclass(frozen=True)
class Runs:
    """The runs of one kind of a cluster: how many since a time, the last one, and when one last succeeded or failed
    (Unix seconds) with the last error. The fields are the columns of collections.sql."""

    cluster: str
    kind: Kind
    runs: int
    failures: int
    samples: int
    succeeded_at: float | None
    failed_at: float | None
    error: str | None
    started_at: datetime
    window_start: datetime
    window_end: datetime
    success: bool
    duration_seconds: float
    samples_read: int
    bytes_read: int
    hours_written: int
    rows_written: int
    warnings: tuple[str, ...]


def counted(table: Table, cluster: str, window: Window) -> dict[datetime, int]:
    """Of the hours of a window, how many samples Prometheus had when a correction last counted them.

    Raises:
        LakeError: a file is damaged or gone.
    """
    snapshot = table.snapshot()
    paths = snapshot.paths("", Window(window.start, datetime.max.replace(tzinfo=UTC)), [cluster])
    if not paths:
        return {}
    source = parquet(paths, table.dataset.schema, snapshot.is_mixed)
    sql = read_template("queries.questions", "counted").render(collections=f"select * from {source}")
    parameters = {"start": window.start.timestamp(), "end": window.end.timestamp()}
    try:
        with duckdb.connect() as connection:
            connection.execute(MACROS)
            rows = connection.sql(sql, params=parameters).fetchall()
    except duckdb.Error as error:
        raise unreadable(table.folder, error) from error
    return {datetime.fromtimestamp(hour, UTC): samples for hour, samples in rows}
