"""Waste: GPUs that were held in vain, by the way in which they were."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from queries.catalogue import DIMENSIONS
from queries.page import page
from queries.plan import Part, plan
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

WORKLOAD = ("cluster", "namespace", "workload_kind", "workload", "workload_type")
"""What tells one workload from another; the type follows from the kind."""


@dataclass(frozen=True)
class WasteQuestion:
    """Whose waste, of which classes, and by which thresholds; at most so many groups, of so many GPU-hours at least."""

    question: Question
    classes: tuple[str, ...] = tuple(CLASSES)
    policy: Policy = field(default_factory=lambda: DEFAULTS, hash=False)
    min_gpu_hours: float = 0.0
    limit: int = 100

    @property
    def window(self) -> Window:
        return self.question.window


def waste(asker: Asker, asked: WasteQuestion) -> Answer:
    """One row per group and class, those with the most GPU-hours first."""
    question = asked.question
    rows = asker.engine.ask(
        "waste",
        asker.scope,
        asker.snapshot,
        plan(question.window, None, asker.snapshot.samples_since()),
        question.parameters() | parameters(asked.policy) | {"min_gpu_hours": asked.min_gpu_hours, "limit": asked.limit},
        joins=question.joins,
        classes=asked.classes,
        **columns(question.by),
        **holdings_texts(asker, question),
    )
    return page(asker, question, rows)


def columns(by: tuple[str, ...]) -> dict[str, Any]:
    """What rows are grouped by (a workload is told by more than its name), and what is named beside it."""
    grouped = dict.fromkeys(column for name in by for column in (WORKLOAD if name == "workload" else (name,)))
    named = [name for name in ("project", "user") if "workload" in by and name not in by]
    return {"columns": [f'"{name}"' for name in grouped], "named": [f'"{name}"' for name in named]}


def holdings_texts(asker: Asker, question: Question, is_chosen: bool = False) -> dict[str, Any]:
    """What is filled in where a question includes holdings.sql."""
    return {
        "conditions": question.texts()["conditions"],
        "gpu": DIMENSIONS["gpu"].sql,
        "limits": [limits_sql(each) for each in WORKLOAD_TYPES],
        "thresholds": THRESHOLDS,
        "workload_type": type_sql(),
        "is_chosen": is_chosen,
        "history": history(asker, question),
    }


def history(asker: Asker, question: Question) -> list[Part]:
    """A window and some time before it."""
    window, since = question.window, asker.snapshot.samples_since()
    return plan(Window(window.start - LOOKBACK, window.start), None, since) + plan(window, None, since)
