"""What a lake says, as plain rows: for tests to compare."""

from datetime import timedelta

import duckdb
import pandas as pd

from queries.catalogue import LEDGER_COLUMNS
from queries.lake import Lake
from queries.plan import Part
from queries.scope import EVERYTHING
from queries.table import Table
from queries.view import ledger_of
from queries.window import HOUR, Window

SECONDS = [f"{column}_seconds" for column in LEDGER_COLUMNS]


def frame(lake: Lake, window: Window, layer: str) -> pd.DataFrame:
    """The booked rows of a layer, with all that the catalogue knows; times in UTC."""
    sql = ledger_of(lake.snapshot(), [Part(layer, window)], EVERYTHING)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        rows: pd.DataFrame = connection.sql(sql).to_arrow_table().to_pandas()
    return rows


def both(lake: Lake, window: Window) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples and the hours of a window."""
    return frame(lake, window, "raw"), frame(lake, window, "hour")


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Stored rows in the order of what they say, to compare with those of another lake."""
    names = [name for name in rows.columns if name != "revision"]
    keys = [name for name in names if name not in ("utilization_bins", "utilization_bin_seconds")]
    return rows[names].sort_values(keys, ignore_index=True)


def hours_of(window: Window, count: int) -> list[Window]:
    return [Window(window.start + number * HOUR, window.start + (number + 1) * HOUR) for number in range(count)]


def minute(window: Window, number: int) -> pd.Timestamp:
    return pd.Timestamp(window.start + timedelta(minutes=number))


def stored(table: Table) -> pd.DataFrame:
    """All rows of a table, as they are stored; times in UTC."""
    snapshot = table.snapshot()
    paths = [f"{snapshot.folder}/{path}" for path in snapshot.files["path"].to_pylist()]
    if not paths:
        return table.dataset.schema.empty_table().to_pandas()  # type: ignore[no-any-return]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        rows: pd.DataFrame = (
            connection.sql(
                "select * from read_parquet($paths, hive_partitioning = true, hive_types_autocast = false)",
                params={"paths": paths},
            )
            .to_arrow_table()
            .to_pandas()
        )
    return rows
