"""Measure: which statistic of which metrics is asked for, and the SQL that answers it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from queries.buckets import Buckets, Pick
from queries.catalogue import PERCENTILES, Dimension, Metric
from queries.ranking import placed
from queries.template import read_template
from queries.window import format_time

ENTITIES = {
    "gpu": "null",
    "project": "coalesce(node_pool, '') || '/' || project",
    "node": "node",
    "pod": "coalesce(namespace, '') || '/' || pod || '/' || coalesce(pod_uid, '')",
}
"""What tells one of each kind from the others, within a cluster. A project is one in each node pool that it has a quota
of; names of pools have no slash."""

ENOUGH = 1e-9
"""The part of a share that rounding may take away: half of the time stays half of it."""

AROUND = (-0.05, -0.01, 0, 0.01, 0.05)
"""Which values are marked, beside the greatest: those of so much more than the share."""


@dataclass(frozen=True)
class Measure:
    """A statistic of metrics. slot: over the values that a group has in steps so long; None: over all its GPU-time."""

    metrics: tuple[Metric, ...]
    statistic: str = "mean"
    slot: timedelta | None = None

    @property
    def needs_samples(self) -> bool:
        return self.slot is not None or self.statistic in PERCENTILES

    @property
    def is_grouped(self) -> bool:
        """Whether rows that are summed by GROUP_KEYS tell it: no sample, histogram, node or pod does it need."""
        return not self.needs_samples and all(metric.entry.entity in ("gpu", "project") for metric in self.metrics)

    @property
    def is_timed(self) -> bool:
        """Whether something is divided by the time that was collected."""
        return self.statistic == "sum" or any(metric.is_divided_by_time for metric in self.metrics)

    def parameters(self) -> dict[str, Any]:
        share = shares(PERCENTILES[self.statistic]) if self.statistic in PERCENTILES else {}
        return share | ({"slot": int(self.slot.total_seconds())} if self.slot else {})

    def texts(
        self, pick: Pick, by: list[Dimension], conditions: list[str], is_ranked: bool, layers: set[str]
    ) -> dict[str, Any]:
        """What range.sql is filled with, and bounds.sql before it."""
        kinds = sorted({metric.entry.entity for metric in self.metrics})
        shown = placed(by) if is_ranked else by
        names = ["bucket", *(each.column for each in by), "place"]
        texts = {
            "names": names,
            "group": ", ".join(names),
            "metrics": self.metrics,
            "by": shown,
            "conditions": conditions,
            "kinds": ", ".join(f"'{kind}'" for kind in kinds),
            "entity": entity_of(kinds),
            "layers": layers,
            "is_newest": pick == "newest",
        }
        ranked = by if is_ranked else []
        if self.slot:
            laid = {"picked": picked("slots", ranked=ranked), "has_steps": True}
            return laid | {"answered": self._over_time(pick, texts)}
        told = {
            "picked": picked(pick, ranked=ranked),
            "has_steps": self.is_timed,
            "group": texts["group"],
            "accuracy": round(1 / ENOUGH),
        }
        if self.statistic not in PERCENTILES:
            return told | {"answered": self._values(self.statistic, texts)}
        each = {metric.name: render("gpu_values", metric=metric, **texts) for metric in self.metrics}
        return told | {"weighted": each, "answered": self._over_gpus(" union all ".join(each.values()), texts)}

    def has_bounds(self, layers: set[str]) -> bool:
        """Whether its values are so many that their bounds are told first."""
        return self.slot is None and self.statistic in PERCENTILES and "raw" in layers

    def _over_gpus(self, weighted: str, texts: dict[str, Any]) -> str:
        if self.has_bounds(texts["layers"]):
            return render("percentiles", weighted=weighted, **texts)
        return self._weighed(weighted, texts)

    def _over_time(self, pick: Pick, texts: dict[str, Any]) -> str:
        values = self._values("mean", texts)
        slots, seen = (picked(pick, relation=relation) for relation in ("slots", "seen"))
        weighted = render("step_values", values=values, slots_picked=slots, seen_picked=seen, **texts)
        return self._weighed(weighted, texts)

    def _values(self, statistic: str, texts: dict[str, Any]) -> str:
        is_plain = not self.is_timed and all(metric.entry.entity == "gpu" for metric in self.metrics)
        return render("values", statistic=statistic, is_timed=self.is_timed, is_plain=is_plain, **texts)

    def _weighed(self, weighted: str, texts: dict[str, Any]) -> str:
        is_percentile = self.statistic in PERCENTILES
        return render("weighed", weighted=weighted, statistic=self.statistic, is_percentile=is_percentile, **texts)

    def unknown(self, buckets: Buckets, samples_since: datetime | None) -> list[str]:
        """The metrics of which hours do not tell the statistic, where the window has nothing else."""
        if self.slot or self.statistic not in PERCENTILES or not samples_since or samples_since < buckets.window.end:
            return []
        return [metric.name for metric in self.metrics if not metric.has_histogram]

    def approximations(self, buckets: Buckets, samples_since: datetime | None) -> Iterator[str]:
        """What an answer says less exactly because samples are no longer kept."""
        if not self.needs_samples or not samples_since or samples_since <= buckets.window.start:
            return
        if buckets.is_finer_than_hours:
            return
        until = format_time(samples_since)
        if self.slot:
            yield f"before {until} samples are no longer kept: there the statistic is over the means of hours"
            return
        for metric in self.metrics:
            if metric.has_histogram:
                yield f"{metric.name}: before {until}, from hours: within one percentage point"
            else:
                yield f"{metric.name}: no {self.statistic} before {until}: it needs samples, which are no longer kept"


def shares(share: float) -> dict[str, Any]:
    """The share that is asked for, and those whose values are marked."""
    marks = [share + more for more in AROUND if 0 < share + more < 1]
    return {"share": share - ENOUGH, "marks": [*(mark - ENOUGH for mark in marks), 1.0]}


def picked(pick: Pick, relation: str = "ledger", ranked: list[Dimension] | None = None) -> str:
    return render("picked", relation=relation, pick=pick, ranked=ranked)


def entity_of(kinds: Iterable[str]) -> str:
    """The SQL that tells projects, pods or nodes apart."""
    cases = " ".join(f"when '{kind}' then {ENTITIES[kind]}" for kind in kinds)
    return f"case kind {cases} end"


def render(name: str, **texts: object) -> str:
    return read_template("queries.questions", name).render(**texts)
