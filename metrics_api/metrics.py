"""Metrics: the catalogue, and its metrics over time and now."""

import difflib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Bare, Rows, Series, Shape
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.parameters import StepLength, Stepped, check_step
from metrics_api.ranked import Ranked
from metrics_api.services import Caller
from queries.calendar import UTC_ZONE, in_zone
from queries.catalogue import METRICS, STATISTICS, Metric
from queries.condition import Condition
from queries.duration import Duration
from queries.metric_types import names_of
from queries.question import Asker, Question, automatic_step
from queries.window import Window

AUTOMATIC = "auto"

Over = Literal["gpus", "time"]

Answered = Annotated[Response, Produces(Series | Rows | Bare, tuple(MEDIA_TYPES))]


class MetricSource(BaseModel):
    """A series that the metric is read from."""

    exporter: str
    series: str


class CatalogueEntry(BaseModel):
    """A metric that can be asked for."""

    name: str
    unit: str
    help: str
    formula: str = Field(description="Over sums of the ledger's columns.")
    sources: list[MetricSource]
    dimensions: list[str]
    statistics: list[str] = Field(description="What stat can be, over all GPU-time of a group.")
    statistics_over_time: list[str] = Field(description="The same with over=time.")
    runai: list[str] = Field(description="The types and series of Run:ai's that it answers; see docs/runai.md.")


async def read_catalogue() -> list[CatalogueEntry]:
    """Every metric with its unit, help, formula, sources, dimensions and statistics."""
    return [entry_of(metric) for metric in METRICS.values()]


def entry_of(metric: Metric) -> CatalogueEntry:
    return CatalogueEntry(
        name=metric.name,
        unit=metric.entry.unit,
        help=metric.entry.help,
        formula=metric.formula,
        sources=[MetricSource(exporter=source.exporter, series=source.series) for source in metric.entry.sources],
        dimensions=list(metric.dimensions),
        statistics=list(metric.statistics),
        statistics_over_time=list(metric.statistics_over_time),
        runai=names_of(metric.name),
    )


def read_metric(text: object) -> str:
    if text not in METRICS:
        near = difflib.get_close_matches(str(text), METRICS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "GET /api/v1/metrics lists those there are"
        raise ValueError(f"unknown metric {text!r}; {hint}")
    return str(text)


def read_step(text: object) -> object:
    return None if text == AUTOMATIC else text


MetricName = Annotated[str, BeforeValidator(read_metric), WithJsonSchema({"type": "string", "enum": list(METRICS)})]


def read_statistic(text: object) -> str:
    if text not in STATISTICS:
        raise ValueError(f"unknown statistic {text!r}; statistics are: {', '.join(STATISTICS)}")
    return str(text)


Statistic = Annotated[
    str, BeforeValidator(read_statistic), WithJsonSchema({"type": "string", "enum": list(STATISTICS)})
]


class Measured(Ranked):
    """Which metrics, which statistic of them, and which groups."""

    metric: tuple[MetricName, ...] = Field(min_length=1)
    stat: Statistic = Field(
        "mean",
        description="mean is weighted by GPU-time; sum adds up the GPUs; p95 is the least value that 95 % of the time"
        " stays at or below. Which of them a metric has is in the catalogue.",
    )

    @property
    def told(self) -> tuple[str, ...]:
        return self.metric


class RangeQuery(Measured, Stepped):
    """Metrics over time."""

    step: Annotated[StepLength | None, BeforeValidator(read_step)] = Field(
        None,
        description="As in 5m, 1h, 1d; 1w begins on Monday, 1mo and 1y on the first; auto, or nothing: the finest"
        " that gives at most 400 steps.",
    )
    over: Over = Field(
        "gpus",
        description="gpus: the statistic over all GPU-time of a group. time: over the steps of the group's own value,"
        " as in the p95 of the GPUs that a project held at once.",
    )


class LatestQuery(Measured):
    """Metrics now."""

    shape: Shape | None = None
    max_age: Duration = Field(
        default_factory=lambda: timedelta(minutes=15),
        description="How old the newest step of a cluster may be.",
    )


async def read_range(caller: Caller, query: RangeQuery) -> Answered:
    """Metrics over time, by any dimensions, over all clusters; as series, or as rows."""
    metrics = chosen_metrics(query.metric, query.by, query.where, query.stat, query.over)
    slot = caller.common_step if query.over == "time" else None
    finest = slot or caller.finest_step
    step = query.steps() or in_zone(automatic_step(query.window(), finest), query.tz or UTC_ZONE)
    check_step(step, finest)
    question = Question(query.window(), step, query.by, query.where, query.ranking)
    return await answer(caller, query, query.shape or "series", Asker.range, question, metrics, query.stat, slot)


async def read_latest(caller: Caller, query: LatestQuery) -> Answered:
    """Metrics in the newest step of each cluster."""
    metrics = chosen_metrics(query.metric, query.by, query.where, query.stat, "gpus")
    now = datetime.now(UTC).replace(microsecond=0)
    question = Question(Window(now - query.max_age, now), None, query.by, query.where, query.ranking)
    return await answer(caller, query, query.shape or "series", Asker.range, question, metrics, query.stat)


def chosen_metrics(
    names: tuple[str, ...], by: tuple[str, ...], where: tuple[Condition, ...], statistic: str, over: Over
) -> tuple[Metric, ...]:
    """The metrics, all of which have these dimensions and this statistic.

    Raises:
        ApiError: 400, with those that a metric has.
    """
    metrics = tuple(METRICS[name] for name in dict.fromkeys(names))
    for metric in metrics:
        for dimension in (*by, *(condition.field for condition in where)):
            if dimension not in metric.dimensions:
                raise ApiError(
                    400,
                    f"{metric.name} is not known by {dimension}; its dimensions are: {', '.join(metric.dimensions)}",
                )
        found = metric.statistics if over == "gpus" else metric.statistics_over_time
        if statistic not in found:
            beside = "" if over == "gpus" else " over time"
            raise ApiError(
                400,
                f"{metric.name} has no stat {statistic!r}{beside}; it has: {', '.join(found) or 'none'}",
            )
    return metrics
