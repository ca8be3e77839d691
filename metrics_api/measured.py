"""Measured: measurements as Run:ai's API tells them, with how complete they are; or as a table."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, Field

from metrics_api.answers import ENCODED_AT_ONCE, ClusterFreshness
from metrics_api.cache import Kept
from metrics_api.encoding import encode
from metrics_api.formats import MEDIA_TYPE_OF, Format
from queries.measurements import Measurement, Measurements
from queries.window import format_time
from queries.workload_types import CATEGORIES

NOBODY = "(none)"
"""What the group of what belongs to no project, user or node pool is called."""

LABELS = {"gpu_index": "gpu", "gpu": "uuid", "band": "band"}
"""Dimensions that are labels of a series; others are groups."""

DECIMALS = 6

Shape = Literal["grouped", "composite", "plain"]
"""Which of Run:ai's answers it is: with groups, with histograms, or with neither."""


class Value(BaseModel):
    value: str = Field(description="A number.")
    timestamp: datetime = Field(description="When the sample begins that the value is the mean of.")


class GroupName(BaseModel):
    key: str
    value: str


class MeasurementView(BaseModel):
    """A series. values: empty where nothing is known; what is not known of some samples is left out."""

    type: str
    labels: dict[str, str] | None = None
    groups: list[GroupName] | None = None
    values: list[Value]


class Histogram(BaseModel):
    type: str
    values: list[dict[str, Any]]


class MetricsAnswer(BaseModel):
    """Series of samples. What follows them is ours: coverage is the share of the GPU-time whose utilization was
    measured, and warnings say what is missing, and why."""

    measurements: list[MeasurementView]
    histogram: list[Histogram] | None = None
    coverage: float | None
    clusters: list[ClusterFreshness]
    warnings: list[str]


class TelemetryValue(BaseModel):
    value: str
    groups: list[dict[str, str]] | None = None


class TelemetryAnswer(BaseModel):
    """One number now, or one for each group."""

    type: str
    timestamp: datetime
    values: list[TelemetryValue]
    coverage: float | None
    clusters: list[ClusterFreshness]
    warnings: list[str]


Keys = dict[str, str]
"""For each dimension that is grouped by, the key that Run:ai calls it."""


def kept(answered: Measurements, form: Format, shape: Shape, keys: Keys) -> Kept:
    """The response: 207 where data of a cluster is missing and the form can say so."""
    body = to_json(answered, shape, keys) if form == "json" else to_table(answered, form, keys)
    status = 207 if answered.missing and form == "json" else 200
    return response(body, form, status, answered.warnings)


def response(body: bytes, form: Format, status: int = 200, warnings: Iterable[str] = ()) -> Kept:
    headers = {
        "Content-Type": MEDIA_TYPE_OF[form] + ("; charset=utf-8" if form == "csv" else ""),
        "ETag": f'W/"{hashlib.blake2b(body, digest_size=16).hexdigest()}"',
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization",
    }
    said = "; ".join(warnings).encode("ascii", "backslashreplace").decode()
    return Kept(body, headers | ({"X-Warnings": said} if said and form != "json" else {}), status)


def to_json(answered: Measurements, shape: Shape, keys: Keys) -> bytes:
    plain = (each for each in answered.measured if not (shape == "composite" and each.type.histogram))
    told: dict[str, object] = {
        "measurements": list(chain.from_iterable(series_of(each, shape, keys) for each in plain))
    }
    if shape == "composite":
        histograms = [each for each in answered.measured if each.type.histogram]
        told["histogram"] = [{"type": each.type.name, "values": []} for each in histograms]
    return msgspec.json.encode(told | completeness(answered))


def completeness(answered: Measurements) -> dict[str, object]:
    return {
        "coverage": answered.coverage,
        "clusters": [
            {
                "name": each.name,
                "status": each.status,
                "collected_until": each.collected_until and format_time(each.collected_until),
            }
            for each in answered.clusters
        ],
        "warnings": answered.warnings,
    }


def series_of(measured: Measurement, shape: Shape, keys: Keys) -> list[dict[str, object]]:
    """A series for each group; one without values where there is no group."""
    if measured.rows is None or not len(measured.rows):
        return [named(measured, (None,) * len(measured.by), shape, keys, [], is_told=False)]
    times = moments(measured.rows["time"])
    values = [number(value) for value in measured.rows["value"].to_pylist()]
    columns = [measured.rows[name].to_pylist() for name in measured.by]
    groups: dict[tuple[str | None, ...], list[dict[str, str]]] = {}
    for time, value, *group in zip(times, values, *columns, strict=True):
        groups.setdefault(tuple(group), []).append({"value": value, "timestamp": time})
    return [named(measured, group, shape, keys, told) for group, told in groups.items()]


def named(
    measured: Measurement,
    group: tuple[str | None, ...],
    shape: Shape,
    keys: Keys,
    values: list[dict[str, str]],
    is_told: bool = True,
) -> dict[str, object]:
    names = dict(zip(measured.by, group, strict=True)) if is_told else {}
    labels = labels_of(names)
    told: dict[str, object] = {"type": measured.type.name, "labels": labels or None}
    if shape == "grouped":
        told["groups"] = [
            {"key": keys[name], "value": group_name(name, value)} for name, value in names.items() if name in keys
        ]
    return told | {"values": values}


def labels_of(names: dict[str, str | None]) -> dict[str, str]:
    """A GPU is told by its index; by its UUID where no exporter tells one."""
    labels = {LABELS[name]: value for name, value in names.items() if name in LABELS and value is not None}
    return {"gpu": labels["uuid"]} | labels if "uuid" in labels else labels


def group_name(dimension: str, value: str | None) -> str:
    if dimension == "workload_type" and value is not None:
        return CATEGORIES[value]
    return NOBODY if value is None else value


def number(value: float) -> str:
    """As text, without what is lost in arithmetic and in storing."""
    return f"{round(value, DECIMALS):.15g}"


def moments(times: pa.ChunkedArray) -> list[str]:
    told: list[str] = pc.strftime(times.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ").to_pylist()
    return told


def to_table(answered: Measurements, form: Format, keys: Keys) -> bytes:
    """One row a value: its type, labels and groups, time and unit."""
    names = {**{name: key[0].lower() + key[1:] for name, key in keys.items()}, **LABELS}
    told = [each for each in answered.measured if each.rows is not None]
    used = [name for name in names if any(name in each.by for each in told)]
    schema = pa.schema(
        [("type", pa.string()), ("unit", pa.string())]
        + [(names[name], pa.string()) for name in used]
        + [("timestamp", pa.timestamp("us", "UTC")), ("value", pa.float64())]
    )
    tables = [tabled(each, schema, {names[name]: name for name in used}) for each in told]
    table = pa.concat_tables([schema.empty_table(), *tables])
    return b"".join(encode(form, schema, table.to_batches(ENCODED_AT_ONCE)))


def tabled(measured: Measurement, schema: pa.Schema, columns: dict[str, str]) -> pa.Table:
    rows = measured.rows
    assert rows is not None
    given = {"type": pa.repeat(measured.type.name, len(rows)), "unit": pa.repeat(measured.type.unit, len(rows))}
    named = {
        column: spelled(name, rows[name]) if name in measured.by else pa.nulls(len(rows), pa.string())
        for column, name in columns.items()
    }
    return pa.table(given | named | {"timestamp": rows["time"], "value": rows["value"]}).cast(schema)


def spelled(dimension: str, column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if dimension in LABELS:
        return column
    return pa.array([group_name(dimension, value) for value in column.to_pylist()], pa.string())
