"""Measurements: Run:ai's metric types over time or now, each from the question that answers it, in Run:ai's units."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from queries.buckets import Buckets
from queries.catalogue import DIMENSIONS, ENTITY_FIELDS, METRICS
from queries.ids import WORKLOAD
from queries.measure import picked
from queries.metric_types import NAMES, MetricType
from queries.plan import Part, plan
from queries.question import LATE, Asker, ClusterState, Question
from queries.queue_waits import told_of
from queries.window import HOUR, Window
from queries.workload_types import DEFAULTS

PER_GPU = ("gpu_index", "gpu")
"""What a series per GPU is told apart by: the index that clients know it by, and its UUID."""

COUNTED = {"node": "node", "pod": "namespace || '/' || pod"}

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

LOOKBACK = timedelta(days=7)
"""How long before a window a GPU may have been active that is idle in it."""

ACTIVE_ABOVE = DEFAULTS["training"].active_above

BANDS = tuple(f"{tenth * 10}-{tenth * 10 + 10}" for tenth in range(10))
"""The bands of the utilization, in percent: from the first number, up to and without the second; 100 is in the last."""

PENDING_BANDS = {"0-60": 60, "60-300": 300, "300-900": 900, "900-3600": 3600, "3600-14400": 14_400, "14400+": None}
"""How long workloads have been pending, in seconds."""


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
        return ENTITY_FIELDS[asked.told.entry.entity]
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


def collected(asker: Asker, question: Question) -> list[datetime]:
    """When the steps begin of which anything was collected."""
    rows = asker.engine.ask(
        "collected",
        asker.scope,
        asker.snapshot,
        ledger_parts(asker, question),
        question.parameters(),
        relations=question.relations(),
        with_times=True,
        picked=picked(question.buckets.pick if question.step else "newest"),
        is_newest=question.step is None,
    )
    return [time for time in rows["time"].to_pylist() if time]


def ledger_parts(asker: Asker, question: Question, needs_samples: bool = False) -> list[Part]:
    if question.step is None:
        return [Part("raw", question.window)]
    return plan(question.window, question.step, asker.snapshot.samples_since(), needs_samples)


def counted(asker: Asker, question: Question, name: str) -> pa.Table:
    count = NAMES.counts[name]
    return asker.engine.ask(
        "counts",
        asker.scope,
        asker.snapshot,
        ledger_parts(asker, question, needs_samples=True),
        question.parameters(),
        relations=question.relations(),
        joins=question.joins,
        with_times=True,
        picked=picked(question.buckets.pick if question.step else "newest"),
        entity=COUNTED[count.of],
        having=count.having,
        is_distinct=count.distinct,
        is_newest=question.step is None,
        **question.texts(),
    )


def banded(asker: Asker, question: Question) -> pa.Table:
    rows = asker.engine.ask(
        "utilization_bands",
        asker.scope,
        asker.snapshot,
        ledger_parts(asker, question),
        question.parameters(),
        relations=question.relations(),
        joins=question.joins,
        with_times=True,
        picked=picked(question.buckets.pick if question.step else "newest"),
        gpu=DIMENSIONS["gpu"].sql,
        is_newest=question.step is None,
        **question.texts(),
    )
    return rows.set_column(rows.column_names.index("band"), "band", pa.array(BANDS).take(rows["band"].combine_chunks()))


def idled(asker: Asker, question: Question) -> pa.Table:
    since = question.window.start - LOOKBACK
    history = plan(Window(Window.hour_of(since).start, Window.hour_of(question.window.start).start), HOUR)
    rest = Window(Window.hour_of(question.window.start).start, question.window.end)
    return asker.engine.ask(
        "idle_time",
        asker.scope,
        asker.snapshot,
        [*history, *plan(rest, question.step, asker.snapshot.samples_since(), needs_samples=True)],
        question.parameters() | {"active_above": ACTIVE_ABOVE},
        relations={"edges": edges_of(question.buckets)},
        joins=question.joins,
        gpu=DIMENSIONS["gpu"].sql,
        **question.texts(),
    )


def in_states(asker: Asker, question: Question, name: str) -> pa.Table:
    state = NAMES.states[name]
    return of_changes(asker, question, "workload_states", amount=state.amount, states=state.states)


def pending(asker: Asker, question: Question) -> pa.Table:
    return of_changes(asker, question, "pending_times", bands=PENDING_BANDS)


def of_changes(asker: Asker, question: Question, name: str, **texts: object) -> pa.Table:
    """A question to the changes of workloads' states."""
    now = min(question.window.end, asker.now).replace(microsecond=0)
    moment = Window(now, now + timedelta(seconds=1))
    buckets = question.buckets if question.step else Buckets(moment, None)
    is_placed = "node_pool" in question.dimensions
    relations = {"edges": edges_of(buckets), "known": known_until(asker, buckets.window)}
    return asker.engine.ask_changes(
        name,
        asker.scope,
        told_of(question.window, asker),
        question.parameters() | {"end": int(buckets.window.end.timestamp())},
        relations | ({"placed": placed(asker, question.window)} if is_placed else {}),
        question.joins,
        is_placed=is_placed,
        own_conditions=[
            each.sql(f"where_{place}") for place, each in enumerate(question.where) if each.field in WORKLOAD.names
        ],
        **texts,
        **question.texts(),
    )


def placed(asker: Asker, window: Window) -> pa.Table:
    """Which pool each node is in."""
    parts = plan(window, None, asker.snapshot.samples_since())
    times = {"start": int(window.start.timestamp()), "end": int(window.end.timestamp())}
    return asker.engine.ask("placed", asker.scope, asker.snapshot, parts, times)


def edges_of(buckets: Buckets) -> pa.Table:
    return pa.table({"begins": buckets.edges[:-1], "ends": buckets.edges[1:]})


def known_until(asker: Asker, window: Window) -> pa.Table:
    """Until when the states of a cluster's workloads are known: those that have not changed lately are as they were."""
    end = min(window.end, asker.now.replace(microsecond=0) + timedelta(seconds=1))
    told = [(each.name, each.collected_until + LATE) for each in asker.clusters() if each.collected_until]
    return pa.table(
        {
            "known_cluster": pa.array([name for name, _ in told], pa.string()),
            "known_until": pa.array([int(min(until, end).timestamp()) for _, until in told], pa.int64()),
        }
    )
