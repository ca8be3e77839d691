"""Holdings: what workloads held of GPUs and what of that was wasted, as the questions see it that include
``holdings.sql``."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from queries.accounting import RATES
from queries.catalogue import DIMENSIONS
from queries.plan import Part, plan
from queries.question import Asker, Question
from queries.window import Window
from queries.workload_types import THRESHOLDS, WORKLOAD_TYPES, Policy, limits_sql, parameters, type_sql

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

UNITS = ("seconds",)
UNITS_WITH_COSTS = (*UNITS, "priced_seconds", "cost")
"""What holdings are summed in."""


def ask_holdings(
    name: str,
    asker: Asker,
    question: Question,
    policy: Policy,
    chosen: pa.Table | None = None,
    is_priced: bool = False,
    classes: Sequence[str] = tuple(CLASSES),
    values: Mapping[str, Any] | None = None,
    **texts: Any,
) -> pa.Table:
    """Run a question file that includes holdings.sql. chosen: the workloads that it is about; None: all. values: of
    the question's other ``$names``."""
    return asker.engine.ask(
        name,
        asker.scope,
        asker.snapshot,
        plan(question.window, None, asker.snapshot.samples_since()),
        question.parameters() | parameters(policy) | dict(values or {}),
        {} if chosen is None else {"chosen": chosen},
        (*question.joins, RATES) if is_priced else question.joins,
        conditions=question.texts()["conditions"],
        gpu=DIMENSIONS["gpu"].sql,
        limits=[limits_sql(each) for each in WORKLOAD_TYPES],
        thresholds=THRESHOLDS,
        workload_type=type_sql(),
        is_chosen=chosen is not None,
        is_by_department="department" in question.by,
        is_priced=is_priced,
        units=UNITS_WITH_COSTS if is_priced else UNITS,
        history=history(asker, question),
        classes=classes,
        **texts,
    )


def history(asker: Asker, question: Question) -> list[Part]:
    """A window and some time before it."""
    window, since = question.window, asker.snapshot.samples_since()
    return plan(Window(window.start - LOOKBACK, window.start), None, since) + plan(window, None, since)
