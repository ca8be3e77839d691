"""Panels: what the dashboards are put together of: numbers, charts and tables, each with what it asks."""

from grafana_foundation_sdk.builders.bargauge import Panel as Bars
from grafana_foundation_sdk.builders.common import ReduceDataOptions, StackingConfig, VizLegendOptions
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Chart
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

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


def several(*metrics: str) -> str:
    """A target of several metrics."""
    return f"({'|'.join(metrics)})" if len(metrics) > 1 else metrics[0]


def number(title: str, meaning: str, metric: str, **payload: object) -> Stat:
    """One number: a metric over the whole time range, weighted by GPU-time where it is a ratio."""
    return (
        Stat()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(metric, {"step": "total", **payload})))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(BigValueGraphMode.NONE)
        .decimals(1)
        .height(4)
        .span(SIXTH)
    )


def chart(title: str, meaning: str, *metrics: str, **payload: object) -> Chart:
    """Metrics over time; where nothing is known the line is broken."""
    return (
        Chart()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(several(*metrics), {**payload})))
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .calcs(["mean"])
        )
        .span_nulls(False)
        .line_width(1)
        .fill_opacity(10)
        .min(0)
        .height(8)
        .span(HALF)
    )


def stacked(title: str, meaning: str, *metrics: str, **payload: object) -> Chart:
    panel = chart(title, meaning, *metrics, **payload)
    return panel.stacking(StackingConfig().mode(StackingMode.NORMAL)).line_width(0).fill_opacity(80).unit(GPUS)


def ledger_chart(title: str, **payload: object) -> Chart:
    """Every GPU in the column that it is booked in: their sum is the capacity."""
    meaning = "Every GPU is in one column at any time; their sum is the capacity. What is not known is not free."
    panel = stacked(title, meaning, *(f"gpus_{name}" for name in COLUMNS), legend="{{metric}}", **payload)
    for name, color in COLUMNS.items():
        panel = panel.override_by_name(f"gpus_{name}", [named(name), colored(color)])
    return panel.span(WHOLE)


def table(title: str, meaning: str, target: str, **payload: object) -> Table:
    """A row per group, over the whole time range."""
    return (
        Table()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(target, {"format": "table", **payload})))
        .filterable(True)
        .decimals(1)
        .height(10)
        .span(WHOLE)
    )


def bars(title: str, meaning: str, metric: str, **payload: object) -> Bars:
    return (
        Bars()
        .title(title)
        .description(meaning)
        .datasource(DATASOURCE)
        .with_target(Query(Asked(metric, {"step": "total", **payload})))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(VizOrientation.HORIZONTAL)
        .min(0)
        .height(8)
        .span(HALF)
    )


def named(name: str) -> DynamicConfigValue:
    return DynamicConfigValue("displayName", name)


def colored(color: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def linked(dashboard: str, variable: str) -> DynamicConfigValue:
    """A link from a name in a table to another dashboard that shows it."""
    url = f"/d/metrics-api-{dashboard}?var-{variable}=${{__value.text:percentencode}}&${{__url_time_range}}"
    return DynamicConfigValue("links", [{"title": f"Show this {variable}", "url": url}])
