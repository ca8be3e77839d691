"""Answers: an Arrow table as JSON rows, JSON series, CSV or Parquet, with how complete it is."""

import io
import json
import threading
from datetime import datetime
from typing import Any, Literal

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet
from pydantic import BaseModel, Field
from starlette.responses import Response

from metrics_api.errors import ApiError
from queries.question import Answer
from queries.window import format_time

Format = Literal["json", "csv", "parquet"]
Shape = Literal["rows", "series"]

MEDIA_TYPES: dict[str, Format] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
}

FORMULA = r"^[=+\-@\t\r]"
"""What a spreadsheet takes for a formula at the start of a text. Such texts get an apostrophe in front in CSV."""


class ClusterFreshness(BaseModel):
    """How fresh one cluster's part of an answer is."""

    name: str
    status: Literal["ok", "late", "never"]
    collected_until: datetime | None = None


class Envelope(BaseModel):
    """What goes with every answer."""

    coverage: float | None
    clusters: list[ClusterFreshness]
    warnings: list[str]
    layers: list[Literal["raw", "hour"]]
    """What the answer was made of: samples, hours, or both."""
    currency: str | None = Field(None, description="What costs are told in, where the price list names it.")


class Rows(Envelope):
    """One object per step and group. Times are UTC; names that are not known are null."""

    data: list[dict[str, Any]]


class Group(BaseModel):
    """One group: what it is by, and one value per metric and time; null where nothing is known."""

    by: dict[str, str | None]
    metrics: dict[str, list[float | None]]


class Series(Envelope):
    """The time of every step of the window once, and one series per group."""

    time: list[datetime]
    series: list[Group]


def respond(answer: Answer, form: Format, shape: Shape, envelope: bool = True) -> Response:
    if form == "csv":
        return Response(to_csv(answer.rows), media_type="text/csv", headers=completeness(answer))
    if form == "parquet":
        return Response(to_parquet(answer), media_type="application/vnd.apache.parquet", headers=completeness(answer))
    if shape == "series":
        return Response(to_series(answer), media_type="application/json")
    return Response(
        to_rows(answer, envelope), media_type="application/json", headers=None if envelope else completeness(answer)
    )


def choose_format(asked: Format | None, accept: str) -> Format:
    """The format that a parameter or the Accept header asks for; JSON where neither does.

    Raises:
        ApiError: 406, where the header accepts nothing that there is.
    """
    if asked:
        return asked
    accepted = [part.split(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for media_type in accepted:
        if media_type in MEDIA_TYPES:
            return MEDIA_TYPES[media_type]
        if media_type in ("*/*", "application/*"):
            return "json"
    if not accepted:
        return "json"
    raise ApiError(
        406, f"Accept = {accept!r}: there are {', '.join(MEDIA_TYPES)}; or ask with ?format=json, csv or parquet"
    )


def completeness(answer: Answer) -> dict[str, str]:
    """The envelope, for formats that have no place for it."""
    headers = {
        "X-Coverage": "" if answer.coverage is None else f"{answer.coverage:.6f}",
        "X-Layers": ", ".join(answer.layers),
    }
    if answer.warnings:
        headers["X-Warnings"] = "; ".join(answer.warnings)
    return headers


def enveloped(answer: Answer) -> dict[str, object]:
    told = {"currency": answer.currency} if answer.currency else {}
    return told | {
        "coverage": answer.coverage,
        "clusters": [
            {
                "name": cluster.name,
                "status": cluster.status,
                "collected_until": cluster.collected_until and format_time(cluster.collected_until),
            }
            for cluster in answer.clusters
        ],
        "warnings": answer.warnings,
        "layers": answer.layers,
    }


def to_rows(answer: Answer, envelope: bool) -> bytes:
    data = json_rows(answer.rows)
    if not envelope:
        return data
    head = msgspec.json.encode(enveloped(answer))
    return head[:-1] + b',"data":' + data + b"}"


_writers = threading.local()


def json_rows(rows: pa.Table) -> bytes:
    """A JSON array of objects, written by DuckDB: no row becomes a Python object."""
    if not hasattr(_writers, "duckdb"):
        _writers.duckdb = duckdb.connect(config={"threads": 1})
    shown = [
        f"strftime(\"{field.name}\" at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') as \"{field.name}\""
        if pa.types.is_timestamp(field.type)
        else f'"{field.name}"'
        for field in rows.schema
    ]
    _writers.duckdb.register("rows", rows)
    try:
        sql = f"select to_json(each)::varchar as text from (select {', '.join(shown)} from rows) as each"
        texts = _writers.duckdb.sql(sql).to_arrow_table()["text"].combine_chunks()
    finally:
        _writers.duckdb.unregister("rows")
    return b"[" + b",".join(texts.cast(pa.binary()).to_pylist()) + b"]"


def to_series(answer: Answer) -> bytes:
    """The columns as series: groups and times are numbered, values laid out by number."""
    rows, by = answer.rows, list(answer.by)
    metrics = [field.name for field in rows.schema if field.name not in ("time", *by) and is_number(field.type)]
    told = rows["time"].combine_chunks()
    times = told.unique().sort() if answer.times is None else answer.times
    columns = pc.index_in(told, times).to_numpy()
    groups, lines = number_groups(rows, by)
    values = {name: np.full((len(groups), len(times)), np.nan) for name in metrics}
    for name in metrics:
        values[name][lines, columns] = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    series = [
        {"by": dict(zip(by, group, strict=True)), "metrics": {name: values[name][line].tolist() for name in metrics}}
        for line, group in enumerate(groups)
    ]
    moments = pc.strftime(times.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ").to_pylist()
    return msgspec.json.encode({**enveloped(answer), "time": moments, "series": series})


def is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def number_groups(rows: pa.Table, by: list[str]) -> tuple[list[tuple[str | None, ...]], np.ndarray[Any, Any]]:
    """The groups there are, in the order of the rows, and for each row the number of its own."""
    numbers: dict[tuple[str | None, ...], int] = {}
    keys = zip(*(rows[name].to_pylist() for name in by), strict=True) if by else (() for _ in range(len(rows)))
    lines = [numbers.setdefault(key, len(numbers)) for key in keys]
    return list(numbers), np.array(lines, np.int64)


def to_csv(rows: pa.Table) -> bytes:
    columns = [csv_column(column) for column in rows.columns]
    sink = io.BytesIO()
    csv.write_csv(pa.table(columns, names=rows.column_names), sink)
    return sink.getvalue()


def csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_string(column.type):
        return pc.if_else(
            pc.match_substring_regex(column, FORMULA), pc.binary_join_element_wise("'", column, ""), column
        )
    return column


def to_parquet(answer: Answer) -> bytes:
    """With the envelope in the metadata of the schema, as JSON."""
    rows = answer.rows.replace_schema_metadata({name: json.dumps(value) for name, value in enveloped(answer).items()})
    sink = io.BytesIO()
    parquet.write_table(rows, sink, compression="zstd")
    return sink.getvalue()
