"""Observations: what is counted, how long GPUs were idle, and in which states workloads were; each a question beside
those for metrics. Their rows have ``time``, the dimensions of the question, and ``value``."""

from datetime import datetime, timedelta

import pyarrow as pa

from queries.buckets import Buckets
from queries.catalogue import DIMENSIONS
from queries.ids import WORKLOAD
from queries.measure import picked
from queries.metric_types import NAMES
from queries.plan import Part, plan
from queries.question import LATE, Asker, Question
from queries.queue_waits import told_of
from queries.window import HOUR, Window
from queries.workload_types import DEFAULTS

COUNTED = {"node": "node", "pod": "namespace || '/' || pod"}

LOOKBACK = timedelta(days=7)
"""How long before a window a GPU may have been active that is idle in it."""

ACTIVE_ABOVE = DEFAULTS["training"].active_above

BANDS = tuple(f"{tenth * 10}-{tenth * 10 + 10}" for tenth in range(10))
"""The bands of the utilization, in percent: from the first number, up to and without the second; 100 is in the last."""

PENDING_BANDS = {"0-60": 60, "60-300": 300, "300-900": 900, "900-3600": 3600, "3600-14400": 14_400, "14400+": None}
"""How long workloads have been pending, in seconds."""


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
    """How many there were, of a count of metric_types.toml."""
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
    """How many GPUs had a utilization in each band."""
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
    """For how many seconds each GPU had not been active."""
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
    """What workloads add up to, by a state of metric_types.toml."""
    state = NAMES.states[name]
    return of_changes(asker, question, "workload_states", amount=state.amount, states=state.states)


def pending(asker: Asker, question: Question) -> pa.Table:
    """How many workloads wait, by how long they have."""
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
