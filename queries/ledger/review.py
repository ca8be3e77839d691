"""Review: whether a new reading of some hours knows less than the lake does, and what is to be written then."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from queries.datasets import LEDGER_SCHEMA, TIME
from queries.ledger.merging import merge
from queries.ledger.steps import booked
from queries.parquet import rows_in
from queries.settings import Cluster
from queries.snapshot import Snapshot
from queries.template import read_template
from queries.window import Window, format_time

Policy = Literal["keep", "refuse", "replace"]
"""Where a reading knows less than the lake: ``keep`` the steps of which it does, ``refuse`` the hours, or ``replace``
them all the same."""

ENOUGH = 1 - 1e-6
"""Less is what is less than this part: sums of floats differ in their last digits."""

JUDGED = ('"time"', '"kind"')


@dataclass
class Review:
    """A reading of some of a cluster's hours, held against what the lake has of them when it is committed: Prometheus
    may have lost what it knew, and the ledger must not.

    notes: what was kept or refused, by hour.
    """

    cluster: Cluster
    as_of: datetime
    policy: Policy
    notes: dict[Window, str] = field(default_factory=dict)

    def __call__(self, snapshot: Snapshot, hours: list[Window], rows: pa.Table) -> pa.Table:
        """What is to be written. An hour without rows in the answer is left as it is."""
        self.notes = {}
        layer = "hour" if self.policy == "refuse" else "raw"
        paths = snapshot.paths(layer, Window(hours[0].start, hours[-1].end), [self.cluster.name])
        if self.policy == "replace" or not paths:
            return rows
        lake = rows_in(paths, hours, LEDGER_SCHEMA, snapshot.is_mixed)
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.register("reading", rows)
            return self._refuse(connection, rows, lake) if layer == "hour" else self._keep(connection, rows, lake)

    def _refuse(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, lake: str) -> pa.Table:
        """Without the hours of which the reading knows less."""
        for less in knows_less(connection, lake, "select * from reading where layer = 'hour'"):
            hour = Window.hour_of(less["time"])
            self.notes[hour] = (
                f"the hour {format_time(hour.start)} is left as it is: {self.cluster.prometheus} knows less of it than"
                f" the lake, {less['known_now']:.0f} GPU-seconds of {less['known_before']:.0f} (measured:"
                f" {less['measured_now']:.0f} of {less['measured_before']:.0f}); its retention may have passed"
            )
        return rows.filter(pc.invert(is_in(rows["window_start"], [hour.start for hour in self.notes])))

    def _keep(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table, lake: str) -> pa.Table:
        """With the lake's rows in the place of the steps of which the reading knows less. A step is kept as a whole:
        the rows of two readings in one could book a GPU twice. Steps of another length are not kept."""
        steps = f"select * from ({lake}) where elapsed_seconds = {self.cluster.step.total_seconds()}"
        less = knows_less(
            connection,
            booked(f"({steps})", JUDGED, []),
            booked("(select * from reading where layer = 'raw')", JUDGED, []),
        )
        if not less:
            return rows
        times = [each["time"] for each in less]
        counts = Counter(Window.hour_of(time) for time in times)
        for hour, count in counts.items():
            self.notes[hour] = (
                f"{count} steps of the hour {format_time(hour.start)} are kept as they are: {self.cluster.prometheus}"
                " knows less of them than when they were read before; it may have lost data"
            )
        kept = connection.sql(f"{steps} and time in $times", params={"times": times}).to_arrow_table()
        is_affected = is_in(rows["window_start"], [hour.start for hour in counts])
        is_read = pc.and_(pc.equal(rows["layer"], "raw"), pc.invert(is_in(rows["time"], times)))
        merged = merge(
            connection,
            self.cluster,
            self.as_of,
            rows.filter(pc.and_(is_affected, is_read)).cast(LEDGER_SCHEMA),
            kept.select(LEDGER_SCHEMA.names).cast(LEDGER_SCHEMA),
        )
        return pa.concat_tables([rows.filter(pc.invert(is_affected)).cast(LEDGER_SCHEMA), merged])


def knows_less(connection: duckdb.DuckDBPyConnection, lake: str, reading: str) -> list[dict[str, Any]]:
    """The times, with how much was known and is known."""
    sql = read_template("queries.ledger", "knows_less").render(lake=lake, reading=reading)
    rows: list[dict[str, Any]] = connection.sql(sql, params={"enough": ENOUGH}).to_arrow_table().to_pylist()
    return rows


def is_in(column: pa.ChunkedArray, times: list[datetime]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(times, TIME))
