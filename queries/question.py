"""Question: what can be asked of the ledger, and the answer with how complete it is."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from queries.accounting import DEPARTMENTS, RATES
from queries.amounts import AMOUNTS
from queries.buckets import Buckets, Pick, Steps
from queries.catalogue import ENTITY_DIMENSIONS, FIELDS, LEDGER_COLUMNS, METRICS, Metric
from queries.condition import Condition
from queries.engine import BOUNDLESS, Engine
from queries.measure import Measure, picked
from queries.plan import Part, plan
from queries.ranking import AS_THEY_COME, Ranking, placed, without_places
from queries.scope import Scope
from queries.snapshot import Snapshot
from queries.stop import Stop
from queries.window import Window, format_time

STEPS = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900, 3_600, 21_600, 86_400))
"""What an automatic step is chosen from."""

POINTS = 400
"""The most steps that an automatic step gives."""

LATE = timedelta(minutes=5)
"""A cluster that was last collected longer ago than this is late."""

GROUPED = frozenset(("cluster", "node_pool", "gpu_model", "department", "project", "user"))
"""The dimensions that follow from GROUP_KEYS."""

LEDGER_RATIOS = ("gpu_utilization_ratio", "gpu_allocation_ratio", "gpu_allocation_of_known_ratio", "gpu_coverage_ratio")


RATED = frozenset(
    (*(f"{amount.name}_cost" for amount in AMOUNTS), "unpriced_gpu_hours", "currency", "carbon_grams_co2e")
)
"""What of the ledger is told by prices and carbon intensities."""

EVERY_AMOUNT: frozenset[str | None] = RATED | {f"{amount.name}_gpu_hours" for amount in AMOUNTS}


class UnansweredError(Exception):
    """Nothing that is kept answers the question; the message says what could be asked instead."""


@dataclass(frozen=True)
class Question:
    """The time to ask about, in steps (None: one total), by which dimensions, of which rows, and in which order."""

    window: Window
    step: Steps | None = None
    by: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    ranking: Ranking = AS_THEY_COME

    @property
    def buckets(self) -> Buckets:
        return Buckets(self.window, self.step)

    @property
    def dimensions(self) -> set[str]:
        """Those that it groups or filters by."""
        return {*self.by, *(condition.field for condition in self.where)}

    @property
    def joins(self) -> tuple[str, ...]:
        """What the ledger is joined with so that it has these dimensions."""
        return (DEPARTMENTS,) if "department" in self.dimensions else ()

    @property
    def is_of_projects(self) -> bool:
        """Whether its groups are projects or parts of what belongs to one, so that their quotas can be told."""
        return "project" in self.by and self.dimensions <= set(ENTITY_DIMENSIONS["project"])

    @property
    def is_grouped(self) -> bool:
        """Whether it asks for nothing finer than the groups that hours are kept summed by."""
        return self.dimensions <= GROUPED

    @property
    def is_ranked(self) -> bool:
        """Whether its groups have places, by what they are over the whole window."""
        return bool(self.by) and self.ranking.is_by_group

    def texts(self) -> dict[str, Any]:
        return {
            "by": [FIELDS[name] for name in self.by],
            "conditions": [condition.sql(f"where_{place}") for place, condition in enumerate(self.where)],
        }

    def parameters(self) -> dict[str, Any]:
        values: dict[str, Any] = {f"where_{place}": condition.value for place, condition in enumerate(self.where)}
        times = {"start": int(self.window.start.timestamp()), "end": int(self.window.end.timestamp())}
        if self.buckets.pick == "calendar":
            return values | times | {"grain": self.buckets.grain}
        return values | times | ({"step": int(self.step.total_seconds())} if isinstance(self.step, timedelta) else {})

    @property
    def order(self) -> str:
        """The SQL of the order of the rows: of identifiers of ours alone."""
        names = [f"{FIELDS[name].column} nulls last" for name in self.by]
        time = f"time {'desc' if self.ranking.by == 'time' and self.ranking.is_descending else 'asc'}"
        if self.ranking.is_by_group and self.ranking.by != "time":
            return ", ".join(["place nulls last", time])
        return ", ".join([time, "place nulls last", *names])

    def relations(self) -> dict[str, pa.Table]:
        return {"calendar": self.buckets.calendar()} if self.buckets.pick == "calendar" else {}


@dataclass(frozen=True)
class ClusterState:
    """How fresh a cluster's part of the ledger is; one that is deleted is collected no more, and misses nothing."""

    name: str
    status: Literal["ok", "late", "never", "deleted"]
    collected_until: datetime | None


@dataclass(frozen=True)
class Answer:
    """Rows, and how complete they are. coverage: the measured share of the capacity they speak of; None where there is
    none. times: when the steps begin that were asked for; None where none were. layers: what the rows were made of."""

    rows: pa.Table
    by: tuple[str, ...]
    coverage: float | None
    clusters: tuple[ClusterState, ...]
    warnings: tuple[str, ...] = field(default=())
    times: pa.Array | None = None
    layers: tuple[str, ...] = ()
    currency: str | None = None
    missing: tuple[str, ...] = ()
    """What is missing of the clusters' data; among the warnings."""


class Asker:
    """Asks questions for one actor, of one version of the lake."""

    def __init__(
        self,
        engine: Engine,
        scope: Scope,
        clusters: Iterable[str],
        now: datetime,
        snapshot: Snapshot | None = None,
        deleted: frozenset[str] = frozenset(),
    ) -> None:
        """clusters: those that are collected; deleted: those that were, and are no more. snapshot: without one, the
        newest."""
        self.engine = engine
        self.scope = scope
        self.collected = tuple(clusters)
        self.deleted = deleted
        self.now = now
        self.snapshot: Snapshot = snapshot or engine.snapshot()

    def within(self, stop: Stop, most_rows: int) -> "Asker":
        """The same for one question, which can be stopped, and whose answer has no more rows than that."""
        limited = copy(self)
        limited.engine = self.engine.within(stop, most_rows)
        return limited

    def ledger(self, question: Question, columns: tuple[str, ...] = ()) -> Answer:
        """GPU-seconds per column, and what they cost: one row per step and group. columns: some of them alone."""
        parts = plan(question.window, question.step, self.snapshot.samples_since())
        quotas = self._quotas(question, parts)
        needed = frozenset((*columns, question.ranking.by)) if columns else EVERY_AMOUNT
        top = self._top_of_ledger(question, quotas, next(iter(columns), "capacity_seconds"), needed)
        rows = without_places(self._booked(question, parts, quotas, top, needed), question.by, top)
        answer = self.complete(question, parts, rows)
        chosen = dict.fromkeys(("time", *question.by, *columns)) if columns else rows.column_names
        lacking = self._lacking(question, answer) if needed & RATED else ()
        return replace(
            answer,
            rows=rows.select(list(chosen)),
            currency=self.engine.accounting.currency,
            warnings=(*answer.warnings, *lacking),
        )

    def _quotas(self, question: Question, parts: list[Part]) -> pa.Table | None:
        """The clusters and projects that have quotas; None where they cannot be told, or there are none."""
        rows = self._ask("quotas", question, parts) if question.is_of_projects else None
        return rows if rows else None

    def _top_of_ledger(
        self, question: Question, quotas: pa.Table | None, first: str, needed: frozenset[str | None]
    ) -> pa.Table | None:
        """The places of the groups by what they are over the whole window; None where they are not compared."""
        if not question.is_ranked:
            return None
        parts = plan(question.window, None, self.snapshot.samples_since())
        totals = self._booked(replace(question, step=None), parts, quotas, None, needed)
        return question.ranking.places(totals, question.by, first)

    def _booked(
        self,
        question: Question,
        parts: list[Part],
        quotas: pa.Table | None,
        top: pa.Table | None,
        needed: frozenset[str | None],
    ) -> pa.Table:
        """needed: the columns that are told in hours, in money or in carbon."""
        asked = self._asked(question, top)
        relations = {name: table for name, table in (("quotas", quotas), ("top", top)) if table is not None}
        ranked = asked["by"] if top is not None else []
        return self._ask(
            "ledger",
            question,
            parts,
            relations,
            joins=(RATES,) if needed & RATED else (),
            **asked | {"by": placed(ranked) or asked["by"]},
            picked=picked(question.buckets.pick, ranked=ranked),
            order=question.order,
            ledger_columns=LEDGER_COLUMNS,
            timed=[amount for amount in AMOUNTS if f"{amount.name}_gpu_hours" in needed],
            priced=[amount for amount in AMOUNTS if f"{amount.name}_cost" in needed],
            is_rated=bool(needed & RATED),
            ratios=[METRICS[name] for name in LEDGER_RATIOS],
            is_quota_told=quotas is not None,
        )

    def _asked(self, question: Question, top: pa.Table | None) -> dict[str, Any]:
        """What a question is filled with; without the groups that have no place, unless they are told as one."""
        asked = question.texts()
        if top is not None and not question.ranking.with_others:
            asked["conditions"] += ["place is not null"]
        return asked

    def range(
        self, question: Question, metrics: Sequence[Metric], statistic: str = "mean", slot: timedelta | None = None
    ) -> Answer:
        """Metrics over time: one row per step and group. Without a step: in the newest step of each cluster within the
        window. slot: asks for the statistic over the values that a group has in steps so long.

        Raises:
            UnansweredError: nothing that is kept tells the statistic.
        """
        measure = Measure(tuple(metrics), statistic, slot)
        since = self.snapshot.samples_since()
        unknown = measure.unknown(question.buckets, since)
        if since and unknown:
            raise UnansweredError(
                f"{', '.join(unknown)}: {statistic} needs samples, which are kept since {format_time(since)}; ask for"
                " a later time, or for the mean, sum, min or max"
            )
        top = self._top(question, measure) if question.is_ranked else None
        parts = self._parts(question, measure)
        pick: Pick = question.buckets.pick if question.step else "newest"
        rows = self._measured(question, measure, parts, pick, top)
        return self.complete(question, parts, without_places(rows, question.by, top), measure)

    def _top(self, question: Question, measure: Measure) -> pa.Table:
        """The places of the groups by what they are over the whole window."""
        whole = replace(question, step=None)
        parts = self._parts(question, measure)
        totals = self._measured(whole, measure, parts, "whole" if question.step else "newest", None)
        return question.ranking.places(totals, question.by, measure.metrics[0].name)

    def _parts(self, question: Question, measure: Measure) -> list[Part]:
        if question.step is None:
            return [Part("raw", question.window)]
        return plan(question.window, question.step, self.snapshot.samples_since(), measure.needs_samples)

    def _measured(
        self, question: Question, measure: Measure, parts: list[Part], pick: Pick, top: pa.Table | None
    ) -> pa.Table:
        layers = {part.layer for part in parts}
        texts = measure.texts(pick, **self._asked(question, top), is_ranked=top is not None, layers=layers)
        relations = {"top": top} if top is not None else {}
        asked = {
            "parameters": measure.parameters(),
            "metrics": measure.metrics,
            "is_grouped": question.is_grouped and measure.is_grouped,
            "order": question.order,
            "with_times": pick == "newest" or measure.slot is not None or measure.is_timed,
            **texts,
        }
        if measure.has_bounds(layers):
            most_rows = min(BOUNDLESS, self.engine.most_rows * len(measure.metrics))
            asker = self.within(self.engine.stop, most_rows)
            relations["bounds"] = asker._ask("bounds", question, parts, relations, **asked)
        return self._ask("range", question, parts, relations, **asked)

    @property
    def state(self) -> tuple[object, ...]:
        """All that an answer depends on beside the question: what may be seen, of which version, which clusters there
        are, how many are late by now, and what the API says of the organisation."""
        late = self.snapshot.count_collected(before=self.now - LATE)
        revision = self.engine.accounting.assigned.revision
        return self.scope, self.snapshot.version, self.collected, self.deleted, late, revision

    def clusters(self) -> tuple[ClusterState, ...]:
        """The clusters that the actor may see: those that are collected, and those that the lake knows."""
        until = self.snapshot.collected_until()
        names = dict.fromkeys((*self.collected, *sorted(until)))
        return tuple(self._state(name, until.get(name)) for name in names if self.scope.shows(name))

    def coverage(self, question: Question) -> dict[str, float]:
        """Per cluster, the measured share of the capacity; without those that have none."""
        rows = self._covered(question, plan(question.window, question.step))
        return {
            row["cluster"]: row["measured_seconds"] / row["capacity_seconds"] for row in rows if row["capacity_seconds"]
        }

    def _covered(self, question: Question, parts: list[Part]) -> list[dict[str, Any]]:
        """Rows of ``questions/coverage.sql``."""
        rows: list[dict[str, Any]] = self._ask(
            "coverage", question, parts, with_times=True, **question.texts()
        ).to_pylist()
        return rows

    def _state(self, name: str, until: datetime | None) -> ClusterState:
        if name in self.deleted:
            return ClusterState(name, "deleted", until)
        if until is None:
            return ClusterState(name, "never", None)
        return ClusterState(name, "ok" if self.now - until <= LATE else "late", until)

    def complete(self, question: Question, parts: list[Part], rows: pa.Table, measure: Measure | None = None) -> Answer:
        """Rows that answer a question from these parts, with how complete they are."""
        since = self.snapshot.samples_since()
        buckets = question.buckets
        clusters = self.clusters()
        covered = self._covered(question, plan(buckets.told(since), None, since))
        capacity = sum(row["capacity_seconds"] or 0 for row in covered)
        measured = sum(row["measured_seconds"] or 0 for row in covered)
        hours = {row["cluster"]: row["hours"] for row in covered}
        missing = tuple(
            warning
            for cluster in clusters
            for warning in self._warnings(cluster, buckets.told(since), hours.get(cluster.name, 0))
        )
        warnings = [
            *self.engine.accounting.missing(question.joins),
            *buckets.approximations(since),
            *(measure.approximations(buckets, since) if measure else ()),
            *missing,
        ]
        return Answer(
            rows,
            question.by,
            measured / capacity if capacity else None,
            clusters,
            tuple(warnings),
            buckets.starts() if question.step else None,
            tuple(dict.fromkeys(part.layer for part in parts)),
            missing=missing,
        )

    def _ask(
        self,
        name: str,
        question: Question,
        parts: list[Part],
        relations: Mapping[str, pa.Table] = MappingProxyType({}),
        parameters: Mapping[str, Any] = MappingProxyType({}),
        joins: Sequence[str] = (),
        is_grouped: bool | None = None,
        **texts: Any,
    ) -> pa.Table:
        return self.engine.ask(
            name,
            self.scope,
            self.snapshot,
            parts,
            {**question.parameters(), "currency": self.engine.accounting.currency, **parameters},
            relations={**question.relations(), **relations},
            joins=(*question.joins, *joins),
            is_grouped=question.is_grouped if is_grouped is None else is_grouped,
            **texts,
        )

    def unpriced(self, question: Question, rows: pa.Table) -> Iterable[str]:
        """What of these rows has no price, where others have."""
        if self._has_unpriced(rows):
            yield from self.engine.accounting.unpriced(self._unrated(question))

    def _lacking(self, question: Question, answer: Answer) -> Iterable[str]:
        """What of an answer has no price or no carbon intensity, where others have."""
        accounting = self.engine.accounting
        lacks_intensity = accounting.lacks_intensity(cluster.name for cluster in answer.clusters)
        if lacks_intensity or self._has_unpriced(answer.rows):
            rows = self._unrated(question)
            yield from (*accounting.unpriced(rows), *accounting.without_carbon(rows))

    def _has_unpriced(self, rows: pa.Table) -> bool:
        return bool(self.engine.accounting.prices and pc.any(pc.greater(rows["unpriced_gpu_hours"], 0)).as_py())

    def _unrated(self, question: Question) -> list[dict[str, Any]]:
        """Rows of ``questions/unrated.sql``."""
        parts = plan(question.window, question.step, self.snapshot.samples_since())
        rows: list[dict[str, Any]] = self._ask(
            "unrated", question, parts, joins=(RATES,), **question.texts()
        ).to_pylist()
        return rows

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


def automatic_step(window: Window, finest: timedelta) -> timedelta:
    """The finest step that does not give too many points."""
    possible = [step for step in STEPS if step % finest == timedelta(0)] or [finest]
    return next((step for step in possible if window.length / step <= POINTS), possible[-1])
