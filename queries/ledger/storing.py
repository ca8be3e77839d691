"""Storing: sums and the names behind them, as rows of the lake."""

from datetime import datetime
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from queries.datasets import LEDGER_SCHEMA, TIME, WORKLOADS
from queries.settings import Cluster
from queries.window import HOUR, milliseconds

NAME = pa.dictionary(pa.int32(), pa.string())
"""Names are handed over as dictionaries; the lake's own type is string."""

REPEATED = 1 << 14
"""How many rows a part of a column has that says the same throughout."""

PERIODS = {"raw": "%Y-%m-%d", "hour": "%Y-%m"}
"""Raw rows are partitioned by day, hourly rows by month."""


def stored_rows(layer: str, cluster: Cluster, until: int, as_of: datetime, sums: pa.Table, names: pa.Table) -> pa.Table:
    """Rows of one layer in the columns of the lake. until: the end of the last step that was booked (Unix
    milliseconds)."""
    index = pc.index_in(sums["identity"], names["identity"].combine_chunks()).combine_chunks()
    period = pc.strftime(to_time(names["window_start"]), PERIODS[layer])
    known = {
        "cluster": repeated(cluster.name, pa.string(), len(sums)),
        "layer": repeated(layer, pa.string(), len(sums)),
        "period": period.take(index),
        "window_start": to_time(sums["window_start"]),
        "revision": repeated(revision_of(as_of), pa.int64(), len(sums)),
        "time": to_time(sums["time"]),
        "elapsed_seconds": elapsed_seconds(layer, cluster, until, sums["window_start"]),
    }
    return pa.table(
        [column_of(field, len(sums), index, known, sums, names) for field in LEDGER_SCHEMA], names=LEDGER_SCHEMA.names
    )


def stored_changes(cluster: Cluster, as_of: datetime, changes: pa.Table) -> pa.Table:
    """Changes of workloads' states in the columns of the lake."""
    start = to_time(changes["window_start"])
    known = {
        "cluster": pa.repeat(cluster.name, len(changes)),
        "period": pc.strftime(start, PERIODS["hour"]),
        "window_start": start,
        "revision": pa.repeat(pa.scalar(revision_of(as_of), pa.int64()), len(changes)),
        "time": to_time(changes["time"].cast(pa.int64())),
    }
    schema = WORKLOADS.schema
    columns = [known[name] if name in known else changes[name] for name in schema.names]
    return pa.table(columns, names=schema.names).cast(schema)


def revision_of(as_of: datetime) -> int:
    return int(as_of.timestamp())


def column_of(
    field: pa.Field, length: int, index: pa.Array, known: dict[str, pa.ChunkedArray], sums: pa.Table, names: pa.Table
) -> pa.Array | pa.ChunkedArray:
    """A column from where it is known: of the whole table, of the sums, of the names, or nowhere."""
    if field.name in known:
        return known[field.name]
    if field.name in names.column_names:
        return spread(names[field.name], index)
    if field.name in sums.column_names:
        return sums[field.name].cast(NAME) if pa.types.is_string(field.type) else sums[field.name]
    return repeated(None, NAME if pa.types.is_string(field.type) else field.type, length)


def repeated(value: object, type_: pa.DataType, length: int) -> pa.ChunkedArray:
    """A column of one value, or of none, all of whose parts are the same memory: most columns of a ledger are empty."""
    part = part_of(value, type_)
    parts, rest = divmod(length, REPEATED)
    return pa.chunked_array([part] * parts + [part.slice(0, rest)], type_)


@lru_cache(maxsize=256)
def part_of(value: object, type_: pa.DataType) -> pa.Array:
    return pa.nulls(REPEATED, type_) if value is None else pa.repeat(pa.scalar(value, type_), REPEATED)


def elapsed_seconds(layer: str, cluster: Cluster, until: int, window_start: pa.ChunkedArray) -> pa.ChunkedArray:
    """The time that each row stands for: a step, or the part of the hour that was booked."""
    if layer == "raw":
        return repeated(cluster.step.total_seconds(), pa.float64(), len(window_start))
    end = pc.min_element_wise(pc.add(window_start, milliseconds(HOUR)), until)
    return pc.divide(pc.subtract(end, window_start).cast(pa.float64()), 1000)


def spread(names: pa.ChunkedArray, index: pa.Array) -> pa.DictionaryArray:
    """The name behind each row, as a dictionary: each name is kept once."""
    encoded = names.combine_chunks().dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(index), encoded.dictionary)


def to_time(unix_milliseconds: pa.ChunkedArray) -> pa.ChunkedArray:
    return unix_milliseconds.cast(pa.timestamp("ms")).cast(pa.timestamp("us")).cast(TIME)
