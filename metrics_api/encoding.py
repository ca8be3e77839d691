"""Encoding: record batches as CSV, Parquet, Arrow or lines of JSON, a piece of bytes for each batch."""

import io
from collections.abc import Callable, Generator, Iterable

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from metrics_api.formats import Format

FORMULA = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"  # noqa: RUF001 - spreadsheets take the wide signs for the narrow ones
"""What a spreadsheet takes for a formula at the start of a text. Such texts get an apostrophe in front in CSV."""

Batches = Iterable[pa.RecordBatch]


def encode(form: Format, schema: pa.Schema, batches: Batches) -> Generator[bytes]:
    """The bytes of a whole file, in pieces: what comes before the rows, and what comes of each batch. No more than one
    batch is held."""
    return ENCODERS[form](schema, batches)


def encode_csv(schema: pa.Schema, batches: Batches) -> Generator[bytes]:
    names = [defused(name) for name in schema.names]
    yield csv_of(pa.table([pa.array([], pa.string())] * len(names), names=names), header=True)
    for batch in batches:
        yield csv_of(pa.table([csv_column(column) for column in batch.columns], names=names), header=False)


def encode_ndjson(_: pa.Schema, batches: Batches) -> Generator[bytes]:
    for batch in batches:
        yield b"".join(line + b"\n" for line in json_objects(pa.table(batch)))


def encode_json(_: pa.Schema, batches: Batches) -> Generator[bytes]:
    """An array of objects."""
    separator = b""
    yield b"["
    for batch in batches:
        if batch.num_rows:
            yield separator + b",".join(json_objects(pa.table(batch)))
            separator = b","
    yield b"]"


def encode_parquet(schema: pa.Schema, batches: Batches) -> Generator[bytes]:
    """A row group for each batch."""
    outbox = Outbox()
    with parquet.ParquetWriter(outbox, schema, compression="zstd", compression_level=1) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield outbox.take()
    yield outbox.take()


def encode_arrow(schema: pa.Schema, batches: Batches) -> Generator[bytes]:
    """The streaming format of Arrow IPC."""
    outbox = Outbox()
    with pa.ipc.new_stream(outbox, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield outbox.take()
    yield outbox.take()


ENCODERS: dict[Format, Callable[[pa.Schema, Batches], Generator[bytes]]] = {
    "json": encode_json,
    "csv": encode_csv,
    "parquet": encode_parquet,
    "arrow": encode_arrow,
    "ndjson": encode_ndjson,
}


class Outbox(io.RawIOBase):
    """A file for writers, of which nothing is kept that was taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def csv_of(rows: pa.Table, header: bool) -> bytes:
    sink = io.BytesIO()
    csv.write_csv(rows, sink, csv.WriteOptions(include_header=header))
    return sink.getvalue()


def csv_column(column: pa.Array) -> pa.Array:
    if pa.types.is_nested(column.type):
        lines = json_objects(pa.table({"value": column}))
        texts = pa.array([line[len(b'{"value":') : -1].decode() for line in lines], pa.string())
        column = pc.if_else(pc.is_valid(column), texts, None)
    else:
        column = spelt(column)
    if pa.types.is_string(column.type):
        return pc.if_else(
            pc.match_substring_regex(column, FORMULA), pc.binary_join_element_wise("'", column, ""), column
        )
    return column


def defused(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return str(csv_column(pa.array([text]))[0].as_py())


WRITER = duckdb.connect(config={"threads": 1})
"""Shared, a cursor for each use: connections of threads that are stopped at the end of the process would abort it."""


def json_objects(rows: pa.Table) -> list[bytes]:
    """Each row as a JSON object, written by DuckDB: no row becomes a Python object. Names become no SQL."""
    plain = pa.table([spelt(column) for column in rows.columns], names=rows.column_names)
    with WRITER.cursor() as cursor:
        cursor.register("rows", plain)
        texts = cursor.sql("select to_json(rows)::varchar as text from rows").to_arrow_table()["text"]
    return texts.combine_chunks().cast(pa.binary()).to_pylist()  # type: ignore[no-any-return]


def spelt(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Times, also those within lists and records, as ISO 8601 texts in UTC; all else as it is."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_timestamp(column.type):
        return spelt_times(column.dictionary_encode())
    if pa.types.is_list(column.type):
        lists = column if not column.offset else pa.concat_arrays([column])
        return pa.ListArray.from_arrays(lists.offsets, spelt(lists.values), mask=lists.is_null())
    if pa.types.is_struct(column.type):
        fields = [spelt(field) for field in column.flatten()]
        return pa.StructArray.from_arrays(fields, names=[field.name for field in column.type], mask=column.is_null())
    return column


def spelt_times(times: pa.DictionaryArray) -> pa.Array:
    """Of times that repeat, each is spelt once; fractions of seconds only where there are any."""
    moments = times.dictionary.cast(pa.timestamp("us", "UTC"))
    whole = pc.strftime(moments.cast(pa.timestamp("s", "UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
    exact = pc.strftime(moments, "%Y-%m-%dT%H:%M:%SZ")
    is_whole = pc.equal(pc.subsecond(moments), 0)
    return pc.if_else(is_whole, whole, exact).take(times.indices)
