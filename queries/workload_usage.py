"""Workload usage: what workloads held over their lives, how it was used, and in which state they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, timedelta
from typing import Any, Literal

import pyarrow as pa

from queries.catalogue import DIMENSIONS, Metric
from queries.holdings import ask_holdings
from queries.page import FOUND, page
from queries.plan import plan
from queries.question import Answer, Asker, Question
from queries.queue_waits import CHANGE_DIMENSIONS, told_of
from queries.window import Window
from queries.workload_types import DEFAULTS, Policy

HELD_COLUMNS = ("busy", "idle", "held", "unavailable")
"""The columns of the ledger in which the time of a holder can be booked."""

Order = Literal["asc", "desc"]

OrderBy = Literal[
    "allocated_gpu_hours",
    "idle_gpu_hours",
    "wasted_gpu_hours",
    "efficiency_ratio",
    "gpu_utilization_ratio",
    "energy_joules",
    "queue_seconds",
    "submitted_at",
    "started_at",
]

LISTED = ("allocated_gpu_hours", "idle_gpu_hours", "gpu_utilization_ratio", "energy_joules", "submitted_at")
"""The orders that waste has no part in."""

LIVES = (
    "known_project",
    "known_user",
    "changed_at",
    "state",
    "submitted_at",
    "last_started_at",
    "last_ended_at",
    "last_reason",
    "last_queue_seconds",
    "requested_gpus",
    "starts",
)
"""What was told of the states of a workload; how it is called in the questions."""

RECENT = timedelta(days=30)
"""How far back a workload is looked for whose beginning was not told."""

SERIES_BY = {"pod": "pod_key", "gpu": "gpu_key", "node": "node"}
"""What the series of a workload are told apart by; a job without pods is its own."""

CHOSEN = pa.schema([(name, pa.string()) for name in ("cluster", "namespace", "workload_kind", "workload")])


@dataclass(frozen=True)
class Workload:
    """What tells one workload from another. namespace: empty where there are none, as for jobs of Slurm."""

    cluster: str
    workload_kind: str
    workload: str
    namespace: str = ""


@dataclass(frozen=True)
class UsageQuestion:
    """Of which workloads (None: all that the question's conditions let through), and which page of the list."""

    question: Question
    chosen: tuple[Workload, ...] | None = None
    policy: Policy = field(default_factory=lambda: DEFAULTS, hash=False)
    order_by: OrderBy = "allocated_gpu_hours"
    order: Order = "desc"
    limit: int = 100
    offset: int = 0

    @property
    def window(self) -> Window:
        return self.question.window

    @property
    def is_listed_first(self) -> bool:
        """Whether the page is known without its workloads' waste, and can be fewer than are asked about."""
        return self.order_by in LISTED and (self.chosen is None or self.limit < len(self.chosen))


def workload_usage(asker: Asker, asked: UsageQuestion) -> Answer:
    """One row per workload that held GPUs in the window, or whose state changed in it, or that waited."""
    chosen = None if asked.chosen is None else table_of(asked.chosen)
    texts = texts_of(asker, asked)
    if asked.is_listed_first:
        listed = list_workloads(asker, asked, chosen, texts)
        rows = read_usage(asker, replace(asked, offset=0), listed.drop_columns(FOUND), texts)
        answer = page(asker, asked.question, rows, listed[FOUND])
    else:
        rows = read_usage(asker, asked, chosen, texts)
        answer = page(asker, asked.question, rows, rows[FOUND])
    return replace(answer, warnings=(*answer.warnings, *missing(chosen, len(rows))))


def texts_of(asker: Asker, asked: UsageQuestion) -> dict[str, Any]:
    """What is filled in where workloads are listed, with the changes of their states."""
    question = asked.question
    told = [place for place, each in enumerate(question.where) if each.field in CHANGE_DIMENSIONS]
    conditions = question.texts()["conditions"]
    return {
        "changes": asker.engine.changes(asker.scope, told_of(question.window, asker)),
        "change_conditions": [conditions[place] for place in told],
        "is_told_of_changes": len(told) == len(conditions),
        "order_by": asked.order_by,
        "order": asked.order,
        "told_of_lives": LIVES,
        "is_listed_first": asked.is_listed_first,
    }


def list_workloads(asker: Asker, asked: UsageQuestion, chosen: pa.Table | None, texts: Mapping[str, Any]) -> pa.Table:
    """Those of the page, before their waste is judged; as CHOSEN, with their LIVES and how many were found."""
    question = asked.question
    return asker.engine.ask(
        "listed_workloads",
        asker.scope,
        asker.snapshot,
        plan(question.window, None, asker.snapshot.samples_since()),
        question.parameters() | {"limit": asked.limit, "offset": asked.offset},
        {} if chosen is None else {"chosen": chosen},
        question.joins,
        conditions=question.texts()["conditions"],
        is_chosen=chosen is not None,
        **texts,
    )


def read_usage(asker: Asker, asked: UsageQuestion, chosen: pa.Table | None, texts: Mapping[str, Any]) -> pa.Table:
    return ask_holdings(
        "workload_usage",
        asker,
        asked.question,
        asked.policy,
        chosen,
        values={"limit": asked.limit, "offset": asked.offset},
        held_columns=HELD_COLUMNS,
        **texts,
    )


def table_of(workloads: Sequence[Workload]) -> pa.Table:
    return pa.Table.from_pylist([asdict(each) for each in dict.fromkeys(workloads)], schema=CHOSEN)


def missing(chosen: pa.Table | None, found: int) -> Iterator[str]:
    if chosen is not None and found < len(chosen):
        left_out = f"{len(chosen) - found} of {len(chosen)} workloads are left out"
        yield f"{left_out}: they held no GPUs and did not change in this time"


def life(asker: Asker, workload: Workload) -> Window | None:
    """From when to when a workload held GPUs, the last time that it ran; None where it did not lately."""
    asked = UsageQuestion(Question(Window(asker.now - RECENT, asker.now)), (workload,))
    for row in workload_usage(asker, asked).rows.to_pylist():
        start, end = row["started_at"] or row["held_since"], row["ended_at"] or row["held_until"]
        if start and end and start < end:
            return Window(start.astimezone(UTC), end.astimezone(UTC))
    return None


def workload_series(
    asker: Asker, question: Question, workload: Workload, by: Sequence[str], metrics: Sequence[Metric]
) -> Answer:
    """Metrics of one workload in steps. by: of SERIES_BY. metrics: those that are a sum over a sum of GPUs' columns."""
    assert question.step, "a series has steps"
    parts = plan(question.window, question.step, asker.snapshot.samples_since())
    rows = asker.engine.ask(
        "workload_series",
        asker.scope,
        asker.snapshot,
        parts,
        question.parameters() | asdict(workload),
        joins=question.joins,
        metrics=metrics,
        keys={name: SERIES_BY[name] for name in by},
        gpu=DIMENSIONS["gpu"].sql,
        **question.texts(),
    )
    return replace(asker.complete(question, parts, rows), by=tuple(by))
