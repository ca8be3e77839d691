"""Frames: an answer as Grafana's data frames, as series of points, or as a table, with notices of what is missing."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
import pyarrow as pa

from metrics_api.answers import Layout, Names
from metrics_api.cache import Kept
from metrics_api.errors import ApiError
from metrics_api.grafana.payload import Format
from queries.question import Answer

MOST_SERIES = 2_000
MOST_ROWS = 10_000

NOBODY = "(none)"
"""What a series is called whose project, user or other name is not known."""

UNITS = {
    "ratio": "percentunit",
    "bytes": "bytes",
    "watts": "watt",
    "celsius": "celsius",
    "joules": "joule",
    "seconds": "s",
    "hours": "suffix:GPU-h",
    "kwh": "kwatth",
    "co2e": "massg",
}
"""Grafana's units, by the last word of a name of ours."""

STATISTIC = re.compile(r"_(mean|min|max|p\d+)$")

COMPLETE = 0.995
"""Below this share of measured capacity an answer says so."""

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Frame = dict[str, Any]


def unit_of(name: str, currency: str | None = None) -> dict[str, str]:
    word = STATISTIC.sub("", name).rpartition("_")[2]
    unit = f"suffix:{currency}" if word == "cost" and currency else UNITS.get(word)
    return {"unit": unit} if unit else {}


def meta_of(answer: Answer) -> dict[str, Any]:
    """What an answer lacks: shown at the panel's corner."""
    notices = [{"severity": "warning", "text": warning} for warning in answer.warnings]
    if answer.coverage is not None and answer.coverage < COMPLETE:
        text = f"the utilization of {answer.coverage:.1%} of the GPU-time was measured"
        notices.append({"severity": "info", "text": text})
    return {"notices": notices, "custom": {"coverage": answer.coverage}}


@dataclass(frozen=True)
class Grid:
    """An answer by time: for each metric and group a value at every step, NaN where there is none."""

    answer: Answer
    legend: str | None

    @cached_property
    def layout(self) -> Layout:
        layout = Layout.of(self.answer)
        count = len(layout.groups) * len(layout.values)
        if count > MOST_SERIES:
            raise ApiError(
                400,
                f"{count} series; at most {MOST_SERIES} are drawn: narrow what is asked, group by less, set a limit, or"
                " ask for a table",
            )
        return layout

    @property
    def times(self) -> list[int]:
        """Unix milliseconds."""
        return milliseconds_of(self.layout.times)

    @property
    def metrics(self) -> list[str]:
        """The columns that can be drawn."""
        return list(self.layout.values)

    def series(self) -> list["Series"]:
        """One per metric and group, in the order of the rows."""
        return [
            Series(metric, self._labels(group), values[line].tolist(), self._name(metric, group))
            for metric, values in self.layout.values.items()
            for line, group in enumerate(self.layout.groups)
        ]

    def _labels(self, group: Names) -> dict[str, str]:
        return {name: value or NOBODY for name, value in zip(self.answer.by, group, strict=True)}

    def _name(self, metric: str, group: Names) -> str:
        labels = self._labels(group)
        if self.legend:
            return PLACEHOLDER.sub(lambda found: ({"metric": metric} | labels).get(found[1], ""), self.legend)
        words = list(labels.values())
        return " ".join(words if words and len(self.metrics) == 1 else [metric, *words])


@dataclass(frozen=True)
class Series:
    metric: str
    labels: dict[str, str]
    values: list[float]
    name: str


def to_frames(answer: Answer, ref_id: str, legend: str | None) -> list[Frame]:
    """One frame: the times, and a field per series; of a list, a field per column."""
    fields = line_fields(answer, legend) if "time" in answer.rows.column_names else column_fields(answer)
    return [{"refId": ref_id, "meta": meta_of(answer), "fields": fields}]


def line_fields(answer: Answer, legend: str | None) -> list[Frame]:
    grid = Grid(answer, legend)
    fields: list[Frame] = [
        {
            "name": series.metric,
            "type": "number",
            "values": series.values,
            "labels": series.labels,
            "config": {"displayNameFromDS": series.name} | unit_of(series.metric, answer.currency),
        }
        for series in grid.series()
    ]
    if fields:
        return [{"name": "time", "type": "time", "values": grid.times}, *fields]
    return [{"name": "time", "type": "time", "values": []}] + [
        {"name": metric, "type": "number", "values": [], "config": unit_of(metric, answer.currency)}
        for metric in grid.metrics
    ]


def column_fields(answer: Answer) -> list[Frame]:
    rows = answer.rows
    return [
        {
            "name": name,
            "type": kind_of(rows[name].type),
            "values": plain(rows[name]),
            "config": unit_of(name, answer.currency),
        }
        for name in rows.column_names
    ]


def to_time_series(answer: Answer, ref_id: str, legend: str | None) -> list[Frame]:
    """One element per series, each with its points: value, then milliseconds."""
    grid = Grid(answer, legend)
    meta = meta_of(answer)
    series = grid.series() or [Series(metric, {}, [], metric) for metric in grid.metrics]
    return [
        {
            "target": each.name,
            "refId": ref_id,
            "tags": each.labels,
            "meta": meta,
            "datapoints": [list(point) for point in zip(each.values, grid.times, strict=False)],
        }
        | unit_of(each.metric, answer.currency)
        for each in series
    ]


def to_table(answer: Answer, ref_id: str, _: str | None = None) -> list[Frame]:
    """One table: the time where there are steps, the dimensions, and a column per metric."""
    meta = meta_of(answer)
    rows = answer.rows.slice(0, MOST_ROWS)
    if len(answer.rows) > MOST_ROWS:
        text = f"the first {MOST_ROWS} of {len(answer.rows)} rows: narrow what is asked, or group by less"
        meta["notices"].append({"severity": "warning", "text": text})
    if answer.times is None and "time" in rows.column_names:
        rows = rows.drop_columns("time")
    columns = [
        {"text": name, "type": kind_of(rows[name].type)} | unit_of(name, answer.currency) for name in rows.column_names
    ]
    values = [plain(column) for column in rows.columns]
    table = [list(row) for row in zip(*values, strict=True)]
    return [{"type": "table", "refId": ref_id, "meta": meta, "columns": columns, "rows": table}]


def kind_of(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "time"
    return "number" if pa.types.is_floating(kind) or pa.types.is_integer(kind) else "string"


def plain(column: pa.ChunkedArray) -> list[Any]:
    return milliseconds_of(column) if pa.types.is_timestamp(column.type) else column.to_pylist()


def milliseconds_of(times: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Unix milliseconds; None where there is no time."""
    return times.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_pylist()  # type: ignore[no-any-return]


Writer = Callable[[Answer, str, str | None], list[Frame]]

WRITERS: dict[Format, Writer] = {"frame": to_frames, "time_series": to_time_series, "table": to_table}


@dataclass(frozen=True)
class Drawn:
    """How a target is answered: a JSON array of frames."""

    form: Format
    ref_id: str
    legend: str | None
    columns: tuple[str, ...] = ()
    """Of a list, those that are told; without any, all."""

    def __call__(self, answer: Answer, _: datetime) -> Kept:
        frames = WRITERS[self.form](chosen_columns(answer, self.columns), self.ref_id, self.legend)
        return Kept(msgspec.json.encode(frames), {})


def chosen_columns(answer: Answer, columns: tuple[str, ...]) -> Answer:
    possible = answer.rows.column_names
    for name in columns:
        if name not in possible:
            raise ApiError(400, f"columns: there is no {name!r}; there are: {', '.join(possible)}")
    return replace(answer, rows=answer.rows.select(columns)) if columns else answer
