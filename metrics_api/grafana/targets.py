"""Targets: what a panel can ask for by name (a metric of the catalogue, the ledger, or a list), and how it is asked."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from metrics_api.errors import ApiError, invalid
from metrics_api.grafana.payload import TOTAL, Format, Payload, bounded, offered, read_many
from metrics_api.grafana.steps import Width, aligned_to, chosen_step
from metrics_api.inquiry import Inquiry
from metrics_api.ledger import LedgerQuery
from metrics_api.metrics import RangeQuery, chosen_metrics, read_metric
from metrics_api.parameters import Parameters
from metrics_api.services import Caller
from metrics_api.waste import QueueQuery, WasteQuery
from metrics_api.workloads.usage import UsageQuery
from queries.catalogue import DIMENSIONS, METRICS, Metric
from queries.condition import Condition
from queries.datasets import TIME
from queries.question import Answer, Asker, Question
from queries.queue_waits import CHANGE_DIMENSIONS, queue_waits
from queries.waste import waste
from queries.window import Window
from queries.workload_usage import workload_usage

LEDGER = "ledger"
"""Where every GPU-second went: all columns of the ledger's answer."""

PLACEHOLDERS = ("", "select metric", "select table")
"""What editors send where nothing was chosen yet."""

FOREVER = timedelta(days=365_000)
"""A step so long that all time there was lies in one."""

Model = TypeVar("Model", bound=Parameters)


@dataclass(frozen=True)
class List:
    """A question whose answer is a list, without times."""

    query: type[WasteQuery | QueueQuery | UsageQuery]
    ask: Callable[[Asker, Any], Answer]
    help: str
    dimensions: tuple[str, ...] = tuple(DIMENSIONS)
    """What it can be narrowed to."""


LISTS: dict[str, List] = {
    "waste": List(WasteQuery, waste, "Who held GPUs in vain, in which way, the most GPU-hours first"),
    "queue_waits": List(QueueQuery, queue_waits, "How long workloads waited for their GPUs", CHANGE_DIMENSIONS),
    "workload_usage": List(UsageQuery, workload_usage, "Workloads: what they held, how it was used, their state"),
}


@dataclass(frozen=True)
class View:
    """What a panel asks about, whatever its targets are, and how much room it has."""

    window: Window
    conditions: tuple[Condition, ...] = ()
    width: Width = field(default_factory=Width)


def inquire(caller: Caller, target: str, payload: Payload, form: Format, view: View) -> Inquiry[Answer]:
    """What a target names, as a question.

    Raises:
        ApiError: 400, where there is no such metric, or it cannot be asked this way.
    """
    if target in LISTS:
        return inquire_list(caller, target, payload, form, view)
    is_total = payload.step == TOTAL or (payload.step is None and (form == "table" or view.width.is_a_number))
    names = read_names(target)
    if names == (LEDGER,):
        return inquire_ledger(caller, payload, view, is_total)
    if LEDGER in names:
        raise ApiError(400, f"target = {target!r}: the ledger and metrics are asked for one by one")
    return inquire_metrics(caller, names, payload, view, is_total)


def inquire_metrics(
    caller: Caller, names: tuple[str, ...], payload: Payload, view: View, is_total: bool
) -> Inquiry[Answer]:
    query = read(RangeQuery, ", ".join(names), payload, view, is_total, metric=names)
    metrics = chosen_metrics(query.metric, query.by, query.where, query.stat, query.over)
    slot = caller.common_step if query.over == "time" else None
    finest = slot or caller.finest_step
    if is_total:
        question = Question(aligned_to(view.window, finest), None, query.by, query.where, query.ranking)
        return Inquiry.of(total, question, metrics, query.stat, slot)
    step = chosen_step(query, view.width, finest)
    question = Question(aligned_to(view.window, step), step, query.by, query.where, query.ranking)
    return Inquiry.of(Asker.range, question, metrics, query.stat, slot)


def inquire_ledger(caller: Caller, payload: Payload, view: View, is_total: bool) -> Inquiry[Answer]:
    query = read(LedgerQuery, LEDGER, payload, view, is_total)
    step = None if is_total else chosen_step(query, view.width, caller.finest_step)
    window = aligned_to(view.window, step or caller.finest_step)
    return Inquiry.of(Asker.ledger, Question(window, step, query.by, query.where, query.ranking), query.columns)


def inquire_list(caller: Caller, target: str, payload: Payload, form: Format, view: View) -> Inquiry[Answer]:
    if payload.step not in (None, TOTAL) or form == "time_series":
        raise ApiError(400, f"{target} is a list without times; ask for it as table or frame, without a step")
    found = LISTS[target]
    whole = replace(view, window=aligned_to(view.window, caller.finest_step))
    told = payload if "columns" in offered(found.query) else payload.model_copy(update={"columns": ()})
    return Inquiry.of(found.ask, read(found.query, target, told, whole, is_total=True).question())


def read(model: type[Model], target: str, payload: Payload, view: View, is_total: bool, **more: object) -> Model:
    """A payload as the main API reads the same question.

    Raises:
        ApiError: 400, with the field that is wrong.
    """
    where = bounded(view.conditions + payload.conditions())
    step = {} if is_total or payload.step is None else {"step": None if payload.step == "auto" else payload.step}
    given = payload.told() | step | {"start": view.window.start, "end": view.window.end, "where": where} | more
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, offered(model), f"payload field of {target}:") from None


def read_names(target: str) -> tuple[str, ...]:
    """One name, or several that a variable stands for."""
    try:
        names = tuple(name if name == LEDGER else read_metric(name) for name in read_many(target))
    except ValueError as error:
        raise ApiError(400, f"target: {error}") from None
    if not names:
        raise ApiError(400, f"target = {target!r}: write a metric, or several as in (gpus_busy|gpus_idle)")
    return names


def total(
    asker: Asker, question: Question, metrics: tuple[Metric, ...], statistic: str, slot: timedelta | None
) -> Answer:
    """Metrics over a whole window, one row per group, with the time at which it begins."""
    answer = asker.range(replace(question, step=FOREVER), metrics, statistic, slot)
    place = answer.rows.schema.get_field_index("time")
    rows = answer.rows.set_column(place, "time", repeated(question.window.start, len(answer.rows)))
    return replace(answer, rows=rows, times=None)


def repeated(time: datetime, count: int) -> pa.Array:
    return pa.array([time] * count, TIME)


def question_of(target: str) -> type[Parameters]:
    """What a target is asked with."""
    if target in LISTS:
        return LISTS[target].query
    return LedgerQuery if target == LEDGER else RangeQuery


def dimensions_of(target: str) -> tuple[str, ...]:
    """What a target can be narrowed to."""
    if target in LISTS:
        return LISTS[target].dimensions
    return METRICS[target].dimensions if target in METRICS else tuple(DIMENSIONS)


def describe_targets() -> dict[str, str]:
    """What can be asked for, and what it is."""
    lists = {name: each.help for name, each in LISTS.items()}
    metrics = {name: metric.entry.help for name, metric in METRICS.items()}
    return {LEDGER: "Where every GPU-second went, and what it cost"} | lists | metrics
