"""Panels: what the dashboards are put together of: numbers, charts and tables, each with what it asks."""

import re
from collections.abc import Mapping

from grafana_foundation_sdk.builders.bargauge import Panel as Bars
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Chart
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId

from dashboards.grafana.query import DATASOURCE, Asked, Query

WHOLE, HALF, THIRD, SIXTH = 24, 12, 8, 4
"""Of the width of a dashboard."""

COLUMNS = {
    "busy": "green",
    "idle": "orange",
    "held": "yellow",
    "free": "blue",
    "unattributed": "purple",
    "unavailable": "red",
    "unknown": "#808080",
}
"""The columns of the ledger, in the order in which they are stacked."""

GPUS = "GPUs"

TEN: dict[str, object] = {"limit": 10, "others": True}
"""The ten groups that have most, and the rest as one."""

UNITS = re.compile(r"_(gpu_hours|seconds|ratio|bytes|watts|celsius|joules|kwh|grams_co2e)(?=_|$)")
"""What a column's name says that Grafana writes beside its values."""


def several(*metrics: str) -> str:
    """A target of several metrics."""
    return f"({'|'.join(metrics)})" if len(metrics) > 1 else metrics[0]


def number(title: str, meaning: str, target: str, **payload: object) -> Stat:
    """One number: a metric over the whole time range, weighted by GPU-time where it is a ratio."""
    return (
        Stat()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(target, {"step": "total", **payload})))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(BigValueGraphMode.NONE)
        .color_scheme(plain("text"))
        .decimals(1)
        .height(4)
        .span(SIXTH)
    )


def amount(title: str, meaning: str, column: str, **payload: object) -> Stat:
    """One number of the ledger."""
    return number(title, meaning, "ledger", columns=[column], **payload)


def chart(title: str, meaning: str, *metrics: str, **payload: object) -> Chart:
    """Metrics over time; where nothing is known the line is broken."""
    return lines(title, meaning, several(*metrics), "mean", **payload)


def lines(title: str, meaning: str, target: str, beside: str, **payload: object) -> Chart:
    """beside: what of each line stands in the legend."""
    return (
        Chart()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(target, {**payload})))
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .calcs([beside])
        )
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .span_nulls(False)
        .line_width(1)
        .fill_opacity(10)
        .min(0)
        .height(8)
        .span(HALF)
    )


def stacked(title: str, meaning: str, *metrics: str, **payload: object) -> Chart:
    return piled(chart(title, meaning, *metrics, **payload)).unit(GPUS)


def piled(panel: Chart) -> Chart:
    return panel.stacking(StackingConfig().mode(StackingMode.NORMAL)).line_width(0).fill_opacity(80)


def days(title: str, meaning: str, column: str, **payload: object) -> Chart:
    """A column of the ledger by day, as days begin where the dashboard is looked at."""
    asked = {"step": "1d", "tz": "$__timezone", "columns": [column], **payload}
    return piled(lines(title, meaning, "ledger", "sum", **asked)).draw_style(GraphDrawStyle.BARS)


def ledger_chart(title: str, **payload: object) -> Chart:
    """Every GPU in the column that it is booked in: their sum is the capacity."""
    meaning = "Every GPU is in one column at any time; their sum is the capacity. What is not known is not free."
    panel = stacked(title, meaning, *(f"gpus_{name}" for name in COLUMNS), legend="{{metric}}", **payload)
    for name, color in COLUMNS.items():
        panel = panel.override_by_name(f"gpus_{name}", [named(name), colored(color)])
    return panel.span(WHOLE)


def table(
    title: str, meaning: str, target: str, columns: list[str], sorted_by: str | None = None, **payload: object
) -> Table:
    """Columns of the ledger or of a list over the whole time range, a row per group."""
    panel = rows(title, meaning, target, columns=columns, **payload)
    return headed(panel, [*by_of(payload), *columns], sorted_by)


def metrics_table(title: str, meaning: str, *metrics: str, sorted_by: str | None = None, **payload: object) -> Table:
    """Metrics over the whole time range, a row per group."""
    return headed(rows(title, meaning, several(*metrics), **payload), [*by_of(payload), *metrics], sorted_by)


def rows(title: str, meaning: str, target: str, **payload: object) -> Table:
    return (
        Table()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(target, {"format": "table", **payload})))
        .color_scheme(plain("text"))
        .filterable(True)
        .decimals(1)
        .height(10)
        .span(WHOLE)
    )


def by_of(payload: Mapping[str, object]) -> tuple[str, ...]:
    by = payload.get("by", ())
    assert isinstance(by, list | tuple)
    return tuple(by)


def headed(panel: Table, columns: list[str], sorted_by: str | None) -> Table:
    """Columns are called by what they are, without their units."""
    for column in columns:
        panel = panel.override_by_name(column, [named(heading(column))])
    if sorted_by:
        panel = panel.sort_by([TableSortByFieldState().display_name(heading(sorted_by)).desc(True)])
    return panel


def heading(column: str) -> str:
    words = UNITS.sub("", column).replace("_", " ").replace("gpu", "GPU")
    return words[0].upper() + words[1:]


def bars(title: str, meaning: str, metric: str, **payload: object) -> Bars:
    return (
        Bars()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(metric, {"step": "total", **payload})))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(VizOrientation.HORIZONTAL)
        .color_scheme(plain("blue"))
        .min(0)
        .height(8)
        .span(HALF)
    )


def named(name: str) -> DynamicConfigValue:
    return DynamicConfigValue("displayName", name)


def colored(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def plain(color: str) -> FieldColor:
    """One color, whatever the value: Grafana's own turns red at 80."""
    return FieldColor().mode(FieldColorModeId.FIXED).fixed_color(color)


def linked(dashboard: str, variable: str, *others: str) -> DynamicConfigValue:
    """A link from a name in a table to another dashboard that shows it. others: columns of the row that narrow it."""
    told = "".join(f"&var-{other}=${{__data.fields.{other}:percentencode}}" for other in others)
    url = f"/d/metrics-api-{dashboard}?var-{variable}=${{__value.text:percentencode}}{told}&${{__url_time_range}}"
    return DynamicConfigValue("links", [{"title": f"Show this {variable}", "url": url}])
