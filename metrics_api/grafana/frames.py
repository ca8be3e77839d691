"""Frames: an answer as Grafana's data frames, as series of points, or as a table, with notices of what is missing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from metrics_api.answers import number_groups
from metrics_api.errors import ApiError
from metrics_api.grafana.targets import Told
from queries.question import Answer
from queries.window import milliseconds

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
    "hours": "suffix:h",
    "kwh": "kwatth",
}
"""Grafana's units, by the last word of a name of ours."""

COMPLETE = 0.995
"""Below this share of measured capacity an answer says so."""

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Frame = dict[str, Any]


def unit_of(name: str) -> dict[str, str]:
    unit = UNITS.get(name.rpartition("_")[2])
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

    told: Told
    legend: str | None

    @cached_property
    def times(self) -> list[int]:
        """Unix milliseconds."""
        window, step = self.told.window, self.told.step
        start = milliseconds(window.start)
        return list(range(start, milliseconds(window.end), milliseconds(step))) if step else [start]

    def moments(self) -> list[datetime]:
        return [datetime.fromtimestamp(time / 1000, UTC) for time in self.times]

    @property
    def metrics(self) -> list[str]:
        """The columns that can be drawn."""
        return [field.name for field in self.told.answer.rows.schema if kind_of(field.type) == "number"]

    @cached_property
    def numbered(self) -> tuple[list[tuple[str | None, ...]], Any]:
        groups, lines = number_groups(self.told.answer.rows, list(self.told.answer.by))
        if len(groups) * len(self.metrics) > MOST_SERIES:
            raise ApiError(
                400,
                f"{len(groups) * len(self.metrics)} series; at most {MOST_SERIES} are drawn:"
                " narrow what is asked, group by less, or ask for a table",
            )
        return groups, lines

    def series(self) -> list["Series"]:
        """One per metric and group, in the order of the rows."""
        groups, lines = self.numbered
        columns = self._columns()
        found = []
        for metric in self.metrics:
            values = np.full((len(groups), len(self.times)), np.nan)
            values[lines, columns] = self.told.answer.rows[metric].cast(pa.float64()).to_numpy(zero_copy_only=False)
            found += [
                Series(metric, self._labels(group), values[line].tolist(), self._name(metric, group))
                for line, group in enumerate(groups)
            ]
        return found

    def _columns(self) -> Any:
        rows, step = self.told.answer.rows, self.told.step
        if not step or not len(rows):
            return np.zeros(len(rows), np.int64)
        times = rows["time"].cast(pa.int64()).to_numpy() // 1000
        return (times - self.times[0]) // milliseconds(step)

    def _labels(self, group: tuple[str | None, ...]) -> dict[str, str]:
        return {name: value or NOBODY for name, value in zip(self.told.answer.by, group, strict=True)}

    def _name(self, metric: str, group: tuple[str | None, ...]) -> str:
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


def to_frames(told: Told, ref_id: str, legend: str | None) -> list[Frame]:
    """One frame: the times, and a field per series."""
    grid = Grid(told, legend)
    fields: list[Frame] = [{"name": "time", "type": "time", "values": grid.times}] + [
        {
            "name": series.metric,
            "type": "number",
            "values": series.values,
            "labels": series.labels,
            "config": {"displayNameFromDS": series.name} | unit_of(series.metric),
        }
        for series in grid.series()
    ]
    if len(fields) == 1:
        fields = [{"name": "time", "type": "time", "values": []}] + [
            {"name": metric, "type": "number", "values": [], "config": unit_of(metric)} for metric in grid.metrics
        ]
    return [{"refId": ref_id, "meta": meta_of(told.answer), "fields": fields}]


def to_time_series(told: Told, ref_id: str, legend: str | None) -> list[Frame]:
    """One element per series, each with its points: value, then milliseconds."""
    grid = Grid(told, legend)
    meta = meta_of(told.answer)
    series = grid.series() or [Series(metric, {}, [], metric) for metric in grid.metrics]
    return [
        {
            "target": each.name,
            "refId": ref_id,
            "tags": each.labels,
            "meta": meta,
            "datapoints": [list(point) for point in zip(each.values, grid.times, strict=False)],
        }
        | unit_of(each.metric)
        for each in series
    ]


def to_table(told: Told, ref_id: str, _: str | None = None) -> list[Frame]:
    """One table: the time where there are steps, the dimensions, and a column per metric."""
    meta = meta_of(told.answer)
    rows = told.answer.rows.slice(0, MOST_ROWS)
    if len(told.answer.rows) > MOST_ROWS:
        text = f"the first {MOST_ROWS} of {len(told.answer.rows)} rows: narrow what is asked, or group by less"
        meta["notices"].append({"severity": "warning", "text": text})
    if told.step is None:
        rows = rows.drop_columns("time")
    columns = [{"text": name, "type": kind_of(rows[name].type)} | unit_of(name) for name in rows.column_names]
    values = [plain(column) for column in rows.columns]
    table = [list(row) for row in zip(*values, strict=True)]
    return [{"type": "table", "refId": ref_id, "meta": meta, "columns": columns, "rows": table}]


def kind_of(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "time"
    return "number" if pa.types.is_floating(kind) or pa.types.is_integer(kind) else "string"


def plain(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return [time // 1000 for time in column.cast(pa.int64()).to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


Writer = Callable[[Told, str, str | None], list[Frame]]

WRITERS: dict[str, Writer] = {"frame": to_frames, "time_series": to_time_series, "table": to_table}
