"""Question: what can be asked of the ledger, and the answer with how complete it is."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from queries.catalogue import DIMENSIONS, LEDGER_COLUMNS, METRICS, Metric
from queries.condition import Condition
from queries.engine import Engine, Part, plan
from queries.scope import Scope
from queries.snapshot import Snapshot
from queries.window import Window, format_time

STEPS = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900, 3_600, 21_600, 86_400))
"""What an automatic step is chosen from."""

POINTS = 400
"""The most steps that an automatic step gives."""

LATE = timedelta(minutes=5)
"""A cluster that was last collected longer ago than this is late."""

ENTITIES = {
    "gpu": "null",
    "project": "project",
    "node": "node",
    "pod": "coalesce(namespace, '') || '/' || pod || '/' || coalesce(pod_uid, '')",
}
"""What tells one of each kind from the others, within a cluster."""

LEDGER_RATIOS = ("gpu_utilization_ratio", "gpu_allocation_ratio", "gpu_allocation_of_known_ratio", "gpu_coverage_ratio")


@dataclass(frozen=True)
class Question:
    """The time to ask about, in steps (None: one total), by which dimensions, and of which rows."""

    window: Window
    step: timedelta | None = None
    by: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()

    def texts(self) -> dict[str, Any]:
        return {
            "by": [DIMENSIONS[name] for name in self.by],
            "conditions": [condition.sql(f"where_{place}") for place, condition in enumerate(self.where)],
        }

    def parameters(self) -> dict[str, Any]:
        values: dict[str, Any] = {f"where_{place}": condition.value for place, condition in enumerate(self.where)}
        times = {"start": int(self.window.start.timestamp()), "end": int(self.window.end.timestamp())}
        return values | times | ({"step": int(self.step.total_seconds())} if self.step else {})


@dataclass(frozen=True)
class ClusterState:
    """How fresh a cluster's part of the ledger is."""

    name: str
    status: Literal["ok", "late", "never"]
    collected_until: datetime | None


@dataclass(frozen=True)
class Answer:
    """Rows, and how complete they are. coverage: the measured share of the capacity they speak of; None where there is
    none."""

    rows: pa.Table
    by: tuple[str, ...]
    coverage: float | None
    clusters: tuple[ClusterState, ...]
    warnings: tuple[str, ...] = field(default=())


class Asker:
    """Asks questions for one actor, of one version of the lake."""

    def __init__(self, engine: Engine, scope: Scope, clusters: Iterable[str], now: datetime) -> None:
        self.engine = engine
        self.scope = scope
        self.configured = tuple(clusters)
        self.now = now
        self.snapshot: Snapshot = engine.lake.snapshot()

    def ledger(self, question: Question) -> Answer:
        """GPU-seconds per column: one row per step and group."""
        ratios = [METRICS[name] for name in LEDGER_RATIOS]
        return self._answer(
            "ledger", question, ledger_columns=LEDGER_COLUMNS, ratios=ratios, is_stepped=question.step is not None
        )

    def range(self, question: Question, metrics: list[Metric], statistic: str) -> Answer:
        """Metrics over time: one row per step and group. Without a step: in the newest step of each cluster within the
        window."""
        kinds = sorted({metric.entry.entity for metric in metrics})
        return self._answer(
            "range",
            question,
            metrics=metrics,
            statistic=statistic,
            kinds=", ".join(f"'{kind}'" for kind in kinds),
            entity=entity_of(kinds),
            is_timed=any(metric.is_divided_by_time for metric in metrics),
            is_latest=question.step is None,
        )

    def clusters(self) -> tuple[ClusterState, ...]:
        """The clusters that the actor may see: those configured, and those that the lake knows."""
        until = self.snapshot.collected_until()
        names = dict.fromkeys((*self.configured, *sorted(until)))
        return tuple(self._state(name, until.get(name)) for name in names if self.scope.shows(name))

    def coverage(self, question: Question) -> dict[str, float]:
        """Per cluster, the measured share of the capacity; without those that have none."""
        rows = self._ask("coverage", question, plan(question.window, question.step)).to_pylist()
        return {
            row["cluster"]: row["measured_seconds"] / row["capacity_seconds"] for row in rows if row["capacity_seconds"]
        }

    def _state(self, name: str, until: datetime | None) -> ClusterState:
        if until is None:
            return ClusterState(name, "never", None)
        return ClusterState(name, "ok" if self.now - until <= LATE else "late", until)

    def _answer(self, name: str, question: Question, **texts: Any) -> Answer:
        parts = [Part("raw", question.window)] if texts.get("is_latest") else plan(question.window, question.step)
        rows = self._ask(name, question, parts, **texts)
        clusters = self.clusters()
        covered = self._ask("coverage", question, parts).to_pylist()
        capacity = sum(row["capacity_seconds"] or 0 for row in covered)
        measured = sum(row["measured_seconds"] or 0 for row in covered)
        hours = {row["cluster"]: row["hours"] for row in covered}
        return Answer(
            rows,
            question.by,
            measured / capacity if capacity else None,
            clusters,
            tuple(
                warning
                for cluster in clusters
                for warning in self._warnings(cluster, question.window, hours.get(cluster.name, 0))
            ),
        )

    def _ask(self, name: str, question: Question, parts: list[Part], **texts: Any) -> pa.Table:
        return self.engine.ask(
            name, self.scope, self.snapshot, parts, question.parameters(), **question.texts(), **texts
        )

    def _warnings(self, cluster: ClusterState, window: Window, hours: int) -> Iterable[str]:
        """What of a cluster is missing from an answer about this window."""
        if cluster.collected_until is None:
            yield f"cluster {cluster.name}: nothing was collected yet"
            return
        if cluster.status == "late" and cluster.collected_until < min(window.end, self.now):
            until = format_time(cluster.collected_until)
            yield f"cluster {cluster.name}: collected until {until}; what came after is missing"
        begun = min(window.end, cluster.collected_until)
        expected = len(list(Window(window.start, begun).hours())) if begun > window.start else 0
        if hours < expected:
            yield f"cluster {cluster.name}: {expected - hours} of {expected} hours were not collected, and are missing"


def entity_of(kinds: Iterable[str]) -> str:
    """The SQL that tells projects, pods or nodes apart."""
    cases = " ".join(f"when '{kind}' then {ENTITIES[kind]}" for kind in kinds)
    return f"case kind {cases} end"


def automatic_step(window: Window, finest: timedelta) -> timedelta:
    """The finest step that does not give too many points."""
    possible = [step for step in STEPS if step % finest == timedelta(0)] or [finest]
    return next((step for step in possible if window.length / step <= POINTS), possible[-1])
