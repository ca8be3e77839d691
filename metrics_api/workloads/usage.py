"""Workloads: the usage of many in one answer, and of one over its life."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Bare, Rows, Series
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError
from metrics_api.parameters import Stepped, check_step
from metrics_api.services import Caller
from metrics_api.thresholds import Thresholded
from queries.catalogue import METRICS
from queries.question import Asker, Question, automatic_step
from queries.window import Window
from queries.workload_usage import (
    Order,
    OrderBy,
    UsageQuestion,
    Workload,
    life,
    workload_series,
    workload_usage,
)

MOST_ROWS = 100_000

MOST_CHOSEN = 10_000

SERIES_METRICS = tuple(
    name for name, metric in METRICS.items() if metric.entry.entity == "gpu" and metric.is_divided_by_column
)
"""What can be told of a workload's GPUs."""

UsageRows = Annotated[Response, Produces(Rows | Bare, tuple(MEDIA_TYPES))]


class UsageQuery(Thresholded):
    """A page of the list of workloads."""

    by: tuple[Literal["workload"], ...] = Field(("workload",), description="Always by workload.")
    order_by: OrderBy = "allocated_gpu_hours"
    order: Order = "desc"
    limit: int = Field(100, ge=1, le=MOST_ROWS)
    offset: int = Field(0, ge=0, le=10**9)

    def question(self) -> UsageQuestion:
        question = Question(self.window(), None, (), self.where)
        return UsageQuestion(question, None, self.policy(), self.order_by, self.order, self.limit, self.offset)


class Identity(BaseModel):
    """One workload, as the list names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str
    workload_kind: str
    workload: str
    namespace: str | None = Field(None, description="Nothing, where there are none, as for jobs of Slurm.")

    def named(self) -> Workload:
        return Workload(self.cluster, self.workload_kind, self.workload, self.namespace or "")


class Chosen(BaseModel):
    """The workloads to ask about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workloads: tuple[Identity, ...] = Field(min_length=1, max_length=MOST_CHOSEN)


class SeriesQuery(Stepped):
    """One workload over time."""

    cluster: str
    workload_kind: str
    workload: str
    namespace: str | None = None
    by: tuple[Literal["pod", "gpu", "node"], ...] = Field(("pod", "gpu"), description="What has a series of its own.")
    metric: tuple[Literal[SERIES_METRICS], ...] = Field(  # type: ignore[valid-type]  # the catalogue's names
        ("gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_power_watts"), min_length=1
    )

    @model_validator(mode="after")
    def start_and_end_go_together(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end: give both, or neither to ask about the workload's life")
        return self

    def named(self) -> Workload:
        return Workload(self.cluster, self.workload_kind, self.workload, self.namespace or "")


async def list_usage(caller: Caller, query: UsageQuery) -> UsageRows:
    """Workloads that held GPUs, began, ended or waited in a time: GPU-hours by column, energy, utilization, memory and
    power, waste with its main class, and in which state each is since when. efficiency_ratio is the share of the
    allocated time that is in no class of waste."""
    return await answer(caller, query, "rows", workload_usage, query.question())


async def read_usage_of_many(caller: Caller, query: UsageQuery, body: Chosen) -> UsageRows:
    """The same of the workloads that are named, up to ten thousand in one call. Those of which nothing is known are
    left out, and counted in a warning."""
    chosen = tuple(each.named() for each in body.workloads)
    asked = replace(query.question(), chosen=chosen, limit=MOST_CHOSEN, offset=0)
    return await answer(caller, query, "rows", workload_usage, asked)


async def read_series(
    caller: Caller, query: SeriesQuery
) -> Annotated[Response, Produces(Series | Rows | Bare, tuple(MEDIA_TYPES))]:
    """One workload over its life, or over a time, per pod and GPU: utilization, memory, power and other metrics of
    GPUs, GPU-hours and energy."""
    window = await run_in_threadpool(asked_window, caller.asker(), query)
    step = query.step or automatic_step(window, caller.finest_step)
    check_step(step, caller.finest_step)
    metrics = tuple(METRICS[name] for name in dict.fromkeys(query.metric))
    question = Question(window, step, (), query.where)
    by = tuple(dict.fromkeys(query.by))
    return await answer(caller, query, query.shape or "series", workload_series, question, query.named(), by, metrics)


def asked_window(asker: Asker, query: SeriesQuery) -> Window:
    """The time that is asked about: the workload's life, where none is named."""
    if query.start:
        return query.window()
    lived = life(asker, query.named())
    if lived is None:
        raise ApiError(
            404,
            f"workload {query.workload!r} ({query.workload_kind}) of cluster {query.cluster!r} did not run lately;"
            " give start and end to ask about another time",
        )
    return lived
