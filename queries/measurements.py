"""Measurements: Run:ai's metric types over time or now, each from the question that answers it, in Run:ai's units."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from queries.catalogue import ENTITY_FIELDS, METRICS
from queries.metric_types import NAMES, MetricType
from queries.observations import banded, collected, counted, idled, in_states, pending
from queries.plan import plan
from queries.question import Asker, ClusterState, Question

PER_GPU = ("gpu_index", "gpu")
"""What a series per GPU is told apart by: the index that clients know it by, and its UUID."""

CHANGE_FIELDS = (
    "cluster",
    "node_pool",
    "department",
    "project",
    "user",
    "workload",
    "gpu_model",
    "namespace",
    "workload_kind",
    "workload_type",
    "workload_phase",
)
"""What changes of workloads' states are told apart by."""


@dataclass(frozen=True)
class Measurement:
    """A type and its rows: ``time``, the dimensions of ``by``, and ``value``. empty: why there are none, where nothing
    that is collected could tell."""

    type: MetricType
    by: tuple[str, ...] = ()
    rows: pa.Table | None = None
    empty: str | None = None


@dataclass(frozen=True)
class Measurements:
    """What was asked for, in its order, and how complete it is."""

    measured: tuple[Measurement, ...]
    coverage: float | None
    clusters: tuple[ClusterState, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=())


def measure(asker: Asker, question: Question, types: tuple[MetricType, ...], fills: bool = True) -> Measurements:
    """Types of one scope over the steps of a question; without steps, now. fills: whether a group has zero where it is
    not there."""
    answered = (*of_states(asker, question, types), *of_ledger(asker, question, types))
    filled = {each.name for each, _ in answered if fills and is_additive(each)}
    times = collected(asker, question) if filled else []
    found = {
        each.name: with_zeros(measured, times, question.step is None) if each.name in filled else measured
        for each, measured in answered
    }
    found |= {each.name: Measurement(each, empty=why_empty(each, question)) for each in types if each.name not in found}
    measured = tuple(known_only(found[each.name]) for each in types)
    of_gpus = tuple(each for each in question.where if each.field in ENTITY_FIELDS["gpu"])
    answer = asker.complete(
        replace(question, where=of_gpus), plan(question.window, None, asker.snapshot.samples_since()), pa.table({})
    )
    silent = tuple(f"{each.type.name}: {each.empty}" for each in measured if each.empty)
    return Measurements(
        measured, answer.coverage, answer.clusters, answer.missing, tuple(dict.fromkeys((*answer.warnings, *silent)))
    )


def is_additive(asked: MetricType) -> bool:
    """Whether nothing is zero of it: what a group that is not there has, in a step that was collected."""
    if asked.told:
        return asked.told.entry.entity == "gpu" and not asked.per_gpu and adds_up(asked)
    return asked.count is not None or (asked.state is not None and bool(NAMES.states[asked.state].states))


def adds_up(asked: MetricType) -> bool:
    return asked.statistic == "sum" or (asked.told is not None and not asked.told.is_divided_by_column)


def with_zeros(measured: Measurement, times: list[datetime], is_now: bool) -> Measurement:
    """The same, with a zero where a group that has values is not there in a step; a value that is there and not known
    stays so."""
    assert measured.rows is not None
    if is_now and len(measured.rows):
        return measured
    rows, by = measured.rows, list(measured.by)
    told = set(zip(*(rows[name].to_pylist() for name in ("time", *by)), strict=True))
    groups = dict.fromkeys(key[1:] for key in told) if by else {(): None}
    lacking = [(time, *group) for time in times for group in groups if (time, *group) not in told]
    columns = list(zip(*lacking, strict=True)) if lacking else [()] * (len(by) + 1)
    zeros = {name: pa.array(column, rows[name].type) for name, column in zip(("time", *by), columns, strict=True)}
    added = pa.table(zeros | {"value": pa.array([0.0] * len(lacking), pa.float64())})
    whole = pa.concat_tables([rows.select(["time", *by, "value"]), added])
    return replace(measured, rows=whole.sort_by([(name, "ascending") for name in ("time", *by)]))


def why_empty(asked: MetricType, question: Question) -> str:
    if asked.empty:
        return asked.empty
    unknown = sorted(question.dimensions - set(fields_of(asked)))
    return f"is not known by {', '.join(unknown)}"


def fields_of(asked: MetricType) -> tuple[str, ...]:
    """What a type can be grouped and filtered by."""
    if asked.told:
        known = ENTITY_FIELDS[asked.told.entry.entity]
        return (*known, *asked.told.dimensions) if asked.told.entry.set_by_api else known
    return CHANGE_FIELDS if asked.state or asked.shape == "pending_times" else ENTITY_FIELDS["gpu"]


def is_known(asked: MetricType, question: Question) -> bool:
    return not asked.empty and question.dimensions <= set(fields_of(asked))


def of_ledger(
    asker: Asker, question: Question, types: Iterable[MetricType]
) -> Iterator[tuple[MetricType, Measurement]]:
    """What is answered from the ledger: the metrics of the same entities, statistic and groups in one question, so that
    a group has a row where it has such an entity."""
    known = [each for each in types if is_known(each, question)]
    alike: dict[tuple[bool, str, str], list[MetricType]] = {}
    for each in known:
        if each.told:
            alike.setdefault((each.per_gpu, each.statistic, each.told.entry.entity), []).append(each)
    for (per_gpu, statistic, _), group in alike.items():
        by = (*question.by, *PER_GPU) if per_gpu else question.by
        metrics = [METRICS[name] for name in dict.fromkeys(each.metric for each in group if each.metric)]
        rows = asker.range(replace(question, by=by), metrics, statistic).rows
        for each in group:
            assert each.metric
            yield each, Measurement(each, by, valued(each, rows, each.metric))
    for each in known:
        if each.count:
            yield each, Measurement(each, question.by, valued(each, counted(asker, question, each.count)))
        elif each.shape == "utilization_bands":
            yield each, Measurement(each, (*question.by, "band"), valued(each, banded(asker, question)))
        elif each.shape == "idle_time":
            by = (*question.by, *PER_GPU)
            yield each, Measurement(each, by, valued(each, idled(asker, replace(question, by=by))))


def of_states(
    asker: Asker, question: Question, types: Iterable[MetricType]
) -> Iterator[tuple[MetricType, Measurement]]:
    """What is answered from the changes of workloads' states."""
    for each in types:
        if each.state and is_known(each, question):
            yield each, Measurement(each, question.by, valued(each, in_states(asker, question, each.state)))
        elif each.shape == "pending_times" and is_known(each, question):
            yield each, Measurement(each, (*question.by, "band"), valued(each, pending(asker, question)))


def valued(asked: MetricType, rows: pa.Table, column: str = "value") -> pa.Table:
    """The rows with their value in the type's unit."""
    values = pc.multiply(rows[column].cast(pa.float64()), asked.scale)
    keys = [name for name in rows.column_names if name not in METRICS and name != "value"]
    return rows.select(keys).append_column("value", values)


def known_only(measured: Measurement) -> Measurement:
    """The same without rows whose value is not known: what is no number is not told."""
    if measured.rows is None:
        return measured
    is_known = pc.fill_null(pc.is_finite(measured.rows["value"]), False)
    return replace(measured, rows=measured.rows.filter(is_known))
