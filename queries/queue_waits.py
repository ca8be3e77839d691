"""Queue waits: how long workloads waited for their GPUs."""

from datetime import timedelta

from queries.plan import plan
from queries.question import Answer, Asker, Question
from queries.window import Window

CHANGE_DIMENSIONS = ("cluster", "project", "user", "workload", "gpu_model")
"""What is told of a change of a workload's state."""

SHARES = (0.5, 0.9, 0.99)

EDGES = {"10s": 10, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400}
"""The histogram, cumulative as Prometheus' are: so many waits were at most so long."""

LOOKBACK = timedelta(days=30)
"""How long before a window a workload may have been submitted that waits in it."""


def queue_waits(asker: Asker, question: Question) -> Answer:
    """One row per group.

    question.by and the fields of question.where: of CHANGE_DIMENSIONS.
    """
    until = min(question.window.end, asker.now)
    rows = asker.engine.ask_changes(
        "queue_waits",
        asker.scope,
        told_of(question.window, asker),
        question.parameters() | {"until": int(until.timestamp())},
        shares=SHARES,
        edges=EDGES,
        **question.texts(),
    )
    return asker.complete(question, plan(question.window, None, asker.snapshot.samples_since()), rows)


def told_of(window: Window, asker: Asker) -> Window:
    """When the changes were collected that speak of a window: some long before it, and late ones after it."""
    return Window(window.start - LOOKBACK, max(window.end, asker.now))
