"""Metrics: the catalogue, and its metrics over time and now."""

import difflib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Rows, Series, Shape
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.parameters import Parameters, Stepped, check_step
from metrics_api.services import Caller
from queries.catalogue import METRICS, Metric
from queries.duration import Duration
from queries.question import Asker, Question, automatic_step
from queries.window import Window

AUTOMATIC = "auto"

Statistic = Literal["mean", "min", "max"]

Answered = Annotated[Response, Produces(Series | Rows, tuple(MEDIA_TYPES))]


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
    statistics: list[str]


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


class RangeQuery(Stepped):
    """Metrics over time."""

    metric: tuple[MetricName, ...] = Field(min_length=1)
    step: Annotated[Duration | None, BeforeValidator(read_step)] = Field(
        None, description="As in 5m, 1h, 1d; auto, or nothing: the finest that gives at most 400 steps."
    )
    stat: Statistic = Field("mean", description="mean is weighted by GPU-time.")


class LatestQuery(Parameters):
    """Metrics now."""

    metric: tuple[MetricName, ...] = Field(min_length=1)
    stat: Statistic = "mean"
    shape: Shape | None = None
    max_age: Duration = Field(
        default_factory=lambda: timedelta(minutes=15),
        description="How old the newest step of a cluster may be.",
    )


async def read_range(caller: Caller, query: RangeQuery) -> Answered:
    """Metrics over time, by any dimensions, over all clusters; as series, or as rows."""
    metrics = chosen_metrics(query.metric, query.by, query.stat)
    step = query.step or automatic_step(query.window(), caller.finest_step)
    check_step(step, caller.finest_step)
    question = Question(query.window(), step, query.by, query.where)
    return await answer(caller, query, query.shape or "series", Asker.range, question, metrics, query.stat)


async def read_latest(caller: Caller, query: LatestQuery) -> Answered:
    """Metrics in the newest step of each cluster."""
    metrics = chosen_metrics(query.metric, query.by, query.stat)
    now = datetime.now(UTC).replace(microsecond=0)
    question = Question(Window(now - query.max_age, now), None, query.by, query.where)
    return await answer(caller, query, query.shape or "series", Asker.range, question, metrics, query.stat)


def chosen_metrics(names: tuple[str, ...], by: tuple[str, ...], statistic: str) -> tuple[Metric, ...]:
    """The metrics, all of which have these dimensions and this statistic.

    Raises:
        ApiError: 400, with those that a metric has.
    """
    metrics = tuple(METRICS[name] for name in dict.fromkeys(names))
    for metric in metrics:
        for dimension in by:
            if dimension not in metric.dimensions:
                raise ApiError(
                    400,
                    f"{metric.name} is not known by {dimension}; its dimensions are: {', '.join(metric.dimensions)}",
                )
        if statistic not in metric.statistics:
            raise ApiError(400, f"{metric.name} has no stat {statistic!r}; it has: {', '.join(metric.statistics)}")
    return metrics
