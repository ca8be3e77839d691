"""Answers: an Arrow table in any format and shape, with how complete it is."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, Field
from starlette.responses import Response

from metrics_api.encoding import encode
from metrics_api.errors import ApiError
from metrics_api.formats import MEDIA_TYPE_OF, MEDIA_TYPES, Format, choose_format
from queries.question import Answer
from queries.units import with_units
from queries.window import format_time

__all__ = ["MEDIA_TYPES", "Format", "Shape", "choose_format", "respond"]

Shape = Literal["rows", "series", "wide"]

MOST_CELLS = 20_000_000
"""How many values series have at most, null or not: 160 MB."""

ENCODED_AT_ONCE = 65_536
"""Rows."""


class ClusterFreshness(BaseModel):
    """How fresh one cluster's part of an answer is."""

    name: str
    status: Literal["ok", "late", "never", "deleted"]
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


Bare = list[dict[str, Any]]
"""The same rows, where no envelope is wanted."""


class Group(BaseModel):
    """One group: what it is by, and one value per metric and time; null where nothing is known."""

    by: dict[str, str | None]
    metrics: dict[str, list[float | None]]


class Series(Envelope):
    """The time of every step of the window once, and one series per group."""

    time: list[datetime]
    series: list[Group]


def respond(answer: Answer, form: Format, shape: Shape, envelope: bool = True) -> Response:
    """The response. Series are JSON; whoever asks for them in another format gets rows."""
    tells_itself = form == "json" and (envelope or shape == "series")
    return Response(
        encode_answer(answer, form, shape, envelope),
        media_type=MEDIA_TYPE_OF[form],
        headers=None if tells_itself else completeness(answer),
    )


def encode_answer(answer: Answer, form: Format, shape: Shape, envelope: bool) -> bytes:
    if form == "json" and shape == "series":
        return to_series(answer)
    if form == "json":
        return to_rows(answer, shape, envelope)
    rows = Layout.of(answer).wide() if shape == "wide" else answer.rows
    metadata = {name: json.dumps(value) for name, value in enveloped(answer).items()}
    rows = rows.cast(with_units(rows.schema).with_metadata(metadata))
    return b"".join(encode(form, rows.schema, rows.to_batches(ENCODED_AT_ONCE)))


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


def to_rows(answer: Answer, shape: Shape, envelope: bool) -> bytes:
    if shape == "wide":
        data = Layout.of(answer).wide_json()
    else:
        data = b"".join(encode("json", answer.rows.schema, answer.rows.to_batches()))
    if not envelope:
        return data
    head = msgspec.json.encode(enveloped(answer))
    return head[:-1] + b',"data":' + data + b"}"


def to_series(answer: Answer) -> bytes:
    layout = Layout.of(answer)
    series = [
        {
            "by": dict(zip(layout.by, group, strict=True)),
            "metrics": {name: values[line].tolist() for name, values in layout.values.items()},
        }
        for line, group in enumerate(layout.groups)
    ]
    return msgspec.json.encode({**enveloped(answer), "time": layout.moments(), "series": series})


Names = tuple[str | None, ...]


@dataclass(frozen=True)
class Layout:
    """An answer as series: of each metric the values, a line for each group and a column for each time; NaN where
    nothing is known."""

    by: tuple[str, ...]
    times: pa.Array
    groups: list[Names]
    values: dict[str, np.ndarray[Any, Any]]

    @classmethod
    def of(cls, answer: Answer) -> "Layout":
        """Groups and times are numbered, values laid out by number.

        Raises:
            ApiError: 422, where that would take too much memory.
        """
        rows, by = answer.rows, list(answer.by)
        metrics = [field.name for field in rows.schema if field.name not in ("time", *by) and is_number(field.type)]
        told = rows["time"].combine_chunks()
        times = told.unique().sort() if answer.times is None else answer.times
        columns = pc.index_in(told, times).to_numpy()
        groups, lines = number_groups(rows, by)
        if len(groups) * len(times) * len(metrics) > MOST_CELLS:
            raise ApiError(
                422,
                f"{len(groups)} series of {len(times)} times are too many; ask for shape=rows, a longer step, or fewer"
                " groups",
            )
        values = {name: np.full((len(groups), len(times)), np.nan) for name in metrics}
        for name in metrics:
            values[name][lines, columns] = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        return cls(answer.by, times, groups, values)

    def moments(self) -> list[str]:
        moments: list[str] = pc.strftime(self.times.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ").to_pylist()
        return moments

    def columns(self) -> dict[str, np.ndarray[Any, Any]]:
        """One column per series, named as Prometheus would name it."""
        return {
            series_name(name, self.by, group): values[line]
            for name, values in self.values.items()
            for line, group in enumerate(self.groups)
        }

    def wide(self) -> pa.Table:
        columns = {name: pa.array(values, from_pandas=True) for name, values in self.columns().items()}
        return pa.table({"time": self.times, **columns})

    def wide_json(self) -> bytes:
        columns = self.columns()
        names = ("time", *columns)
        lines = zip(self.moments(), *(values.tolist() for values in columns.values()), strict=True)
        return msgspec.json.encode([dict(zip(names, line, strict=True)) for line in lines])


def is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def series_name(metric: str, by: tuple[str, ...], group: Names) -> str:
    """``metric{project="a"}``; a name that is not known is null, without quotes."""
    labels = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in zip(by, group, strict=True))
    return f"{metric}{{{labels}}}" if by else metric


def number_groups(rows: pa.Table, by: list[str]) -> tuple[list[Names], np.ndarray[Any, Any]]:
    """The groups there are, in the order of the rows, and for each row the number of its own."""
    numbers: dict[Names, int] = {}
    keys = zip(*(rows[name].to_pylist() for name in by), strict=True) if by else (() for _ in range(len(rows)))
    lines = [numbers.setdefault(key, len(numbers)) for key in keys]
    return list(numbers), np.array(lines, np.int64)
