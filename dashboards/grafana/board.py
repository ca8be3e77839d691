"""Board: what all dashboards have in common: datasource, variables, filters, links, and marks for what is missing."""

from collections.abc import Iterable
from typing import Any

from grafana_foundation_sdk.builders.dashboard import (
    AdHocVariable,
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
)

from dashboards.grafana.query import DATASOURCE, AnnotationsAsked, Asked

TAG = "metrics-api"

ALL = ".*"
"""What "All" stands for: no condition, so that what is not known by name is counted too."""


def board(name: str, title: str, meaning: str, variables: Iterable[str], panels: Iterable[Builder[Panel]]) -> Dashboard:
    """A dashboard of the last day."""
    made = (
        Dashboard(title)
        .uid(f"{TAG}-{name}")
        .description(meaning)
        .tags([TAG])
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            DashboardLink("GPU dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
        .annotation(
            AnnotationQuery()
            .name("Not collected")
            .datasource(DATASOURCE)
            .enable(True)
            .icon_color("red")
            .target(AnnotationsAsked(Asked("gaps", {}, "Anno")))
        )
        .with_variable(DatasourceVariable("datasource").label("Data source").type("simpod-json-datasource"))
    )
    for variable in variables:
        made = made.with_variable(names_of(variable))
    made = made.with_variable(AdHocVariable("filters").label("Filters").datasource(DATASOURCE))
    for panel in panels:
        made = made.with_panel(panel)
    return made


def names_of(dimension: str) -> QueryVariable:
    """The names that a dimension has within the time range; all of them at first."""
    return (
        QueryVariable(dimension)
        .label(dimension.replace("_", " ").capitalize())
        .datasource(DATASOURCE)
        .query({"refId": "A", "query": dimension, "format": "string"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(ALL)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def chosen(*dimensions: str) -> dict[str, Any]:
    """The conditions that the variables of these names stand for."""
    return {dimension: f"${dimension}" for dimension in dimensions}
