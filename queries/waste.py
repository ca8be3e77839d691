"""Waste: GPUs that were held in vain, by the way in which they were."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

import pyarrow as pa

from queries.accounting import RATES
from queries.catalogue import DIMENSIONS, METRICS
from queries.engine import ledger_of, plan
from queries.page import page
from queries.question import Answer, Asker, Question
from queries.window import Window
from queries.workload_types import DEFAULTS, THRESHOLDS, WORKLOAD_TYPES, Policy, limits_sql, parameters, type_sql

CLASSES: dict[str, str] = {
    "never_used": "held, and never active",
    "idle_tail": "active once, and idle from then until the end",
    "low_utilization": "in use, for a small part of the time",
    "oversized": "in use in part, with little of its memory: a smaller GPU or a part of one would do",
    "no_process": "held while no process had memory on it",
}
"""In the order in which they are tried: each second of idle or held time is in the first that fits."""

LOOKBACK = timedelta(days=7)
"""How long before a window a GPU may have been active that was not in it."""

EVIDENCE = (METRICS["gpu_memory_used_bytes"], METRICS["gpu_memory_total_bytes"], METRICS["gpu_power_watts"])

WORKLOAD = ("cluster", "namespace", "workload_kind", "workload", "workload_type")
"""What tells one workload from another; the type follows from the kind."""


WasteOrder = Literal["gpu_hours", "cost"]


@dataclass(frozen=True)
class WasteQuestion:
    """Whose waste, of which classes, and by which thresholds; at most so many groups, of so many GPU-hours at least,
    those with the most waste in GPU-hours or in money."""

    question: Question
    classes: tuple[str, ...] = tuple(CLASSES)
    policy: Policy = field(default_factory=lambda: DEFAULTS, hash=False)
    min_gpu_hours: float = 0.0
    limit: int = 100
    order_by: WasteOrder = "gpu_hours"

    @property
    def window(self) -> Window:
        return self.question.window


def waste(asker: Asker, asked: WasteQuestion) -> Answer:
    """One row per group and class, those with the most waste first."""
    question, accounting = asked.question, asker.engine.accounting
    is_priced = bool(accounting.prices)
    limits = {"min_gpu_hours": asked.min_gpu_hours, "limit": asked.limit, "currency": accounting.currency}
    rows = asker.engine.ask(
        "waste",
        asker.scope,
        asker.snapshot,
        plan(question.window, None, asker.snapshot.samples_since()),
        question.parameters() | parameters(asked.policy) | limits,
        EVIDENCE,
        joins=(*question.joins, RATES) if is_priced else question.joins,
        classes=asked.classes,
        order_by=asked.order_by,
        **columns(question.by),
        **holdings_texts(asker, question, is_priced=is_priced),
    )
    answer = page(asker, question, rows)
    warnings = (*answer.warnings, *lacking(asker, asked, rows))
    return replace(answer, currency=accounting.currency, warnings=warnings)


def lacking(asker: Asker, asked: WasteQuestion, rows: pa.Table) -> Iterator[str]:
    """What of the waste has no price, where it matters."""
    if asker.engine.accounting.prices:
        yield from asker.unpriced(asked.question, rows)
    elif asked.order_by == "cost":
        yield "order_by = cost: there are no prices, so waste is ranked by GPU-hours; set prices"


def columns(by: tuple[str, ...]) -> dict[str, Any]:
    """What rows are grouped by (a workload is told by more than its name), and what is named beside it."""
    grouped = dict.fromkeys(column for name in by for column in (WORKLOAD if name == "workload" else (name,)))
    named = [name for name in ("project", "user") if "workload" in by and name not in by]
    return {"columns": [f'"{name}"' for name in grouped], "named": [f'"{name}"' for name in named]}


def holdings_texts(
    asker: Asker, question: Question, is_chosen: bool = False, is_priced: bool = False
) -> dict[str, Any]:
    """What is filled in where a question includes holdings.sql."""
    return {
        "conditions": question.texts()["conditions"],
        "gpu": DIMENSIONS["gpu"].sql,
        "limits": [limits_sql(each) for each in WORKLOAD_TYPES],
        "thresholds": THRESHOLDS,
        "workload_type": type_sql(),
        "is_chosen": is_chosen,
        "is_priced": is_priced,
        "units": ("seconds", "priced_seconds", "cost") if is_priced else ("seconds",),
        "history": history(asker, question),
    }


def history(asker: Asker, question: Question) -> str:
    """The SQL of the ledger in a window and for some time before it."""
    window, since = question.window, asker.snapshot.samples_since()
    parts = plan(Window(window.start - LOOKBACK, window.start), None, since) + plan(window, None, since)
    return asker.engine.accounting.joined(ledger_of(asker.snapshot, parts, asker.scope, ()), question.joins)
