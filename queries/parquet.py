"""Parquet: how rows are written into files, so that these are small, and read, also those that an earlier version wrote
with fewer columns."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake

from queries.window import Window

REPEATING = 4
"""A column of numbers with fewer than one distinct value in so many rows is stored as a dictionary, another byte by
byte."""

LOOKED_AT = 2_000
"""How many rows are looked at to tell."""

AT_ONCE = 1 << 12
"""How many rows are handed to the writer at once."""

QUICKLY, THOROUGHLY = 1, 3
"""How hard files are compressed (ZSTD): those that will be compacted, and those that stay."""


def rows_in(paths: Sequence[str], hours: Sequence[Window], schema: pa.Schema, is_mixed: bool) -> str:
    """The SQL of those rows that were collected with some hours."""
    starts = ", ".join(f"timestamptz '{hour.start.isoformat()}'" for hour in hours)
    return f"select * from {parquet(paths, schema, is_mixed)} where window_start in ({starts})"


def append(table: DeltaTable, rows: pa.Table, level: int) -> None:
    write_deltalake(table, streamed(rows), mode="append", writer_properties=writer_properties(rows, level))


def overwrite(
    table: DeltaTable, rows: pa.Table, level: int, predicate: str, properties: CommitProperties | None = None
) -> None:
    """Put rows in the place of those that a predicate tells."""
    write_deltalake(
        table,
        streamed(rows),
        mode="overwrite",
        predicate=predicate,
        writer_properties=writer_properties(rows, level),
        commit_properties=properties,
    )


def streamed(rows: pa.Table) -> pa.RecordBatchReader:
    """Rows a few at a time: in between, names are spelt out and what is repeated is written down."""
    return pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(AT_ONCE))


def writer_properties(rows: pa.Table, level: int) -> WriterProperties:
    """How the rows are compressed best: numbers that hardly repeat do not gain from a dictionary."""
    noisy = [
        name
        for name, column in zip(rows.column_names, rows.columns, strict=True)
        if pa.types.is_floating(column.type)
        and pc.count_distinct(column.slice(0, LOOKED_AT)).as_py() * REPEATING > min(len(column), LOOKED_AT)
    ]
    split = ColumnProperties(dictionary_enabled=False, encoding="BYTE_STREAM_SPLIT")
    steps = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
    properties = dict.fromkeys(noisy, split) | ({"time": steps} if "time" in rows.column_names else {})
    return WriterProperties(compression="ZSTD", compression_level=level, column_properties=properties)


TYPES = {
    pa.string(): "varchar",
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.bool_(): "boolean",
    pa.list_(pa.int16()): "smallint[]",
    pa.list_(pa.float64()): "double[]",
    pa.list_(pa.string()): "varchar[]",
}


def parquet(paths: Sequence[str], schema: pa.Schema, is_mixed: bool) -> str:
    """The rows of some files, to select from. The paths are ours. is_mixed: some may lack columns of the schema, which
    are null then."""
    if not paths:
        return f"({no_rows(schema)})"
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    options = "hive_partitioning = true, hive_types_autocast = false"
    if not is_mixed:
        return f"read_parquet([{listed}], {options})"
    return f"({no_rows(schema)} union all by name from read_parquet([{listed}], union_by_name = true, {options}))"


def no_rows(schema: pa.Schema) -> str:
    columns = [f'null::{TYPES.get(field.type, "timestamptz")} as "{field.name}"' for field in schema]
    return f"select {', '.join(columns)} where false"
