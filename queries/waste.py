"""Waste: GPUs that were held in vain, by the way in which they were."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa

from queries.holdings import CLASSES, ask_holdings
from queries.page import FOUND, page
from queries.question import Answer, Asker, Question
from queries.window import Window
from queries.workload_types import DEFAULTS, Policy

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
    rows = ask_holdings(
        "waste",
        asker,
        question,
        asked.policy,
        is_priced=bool(accounting.prices),
        classes=asked.classes,
        values={"min_gpu_hours": asked.min_gpu_hours, "limit": asked.limit, "currency": accounting.currency},
        order_by=asked.order_by,
        **columns(question.by),
    )
    answer = page(asker, question, rows, rows[FOUND])
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
