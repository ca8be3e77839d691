"""Evaluation: from what the ledger tells to the series that a query asks for."""

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from metrics_api.dialects.runai_legacy.labels import LABELS
from metrics_api.dialects.runai_legacy.promql import Matcher, Query
from queries.catalogue import FIELDS
from queries.condition import Condition
from queries.measurements import Measurements
from queries.samples import EPOCH

FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "max": max,
    "min": min,
    "count": len,
}

HOLDERS = {"workload_id": "workload", "job_uuid": "workload", "pod_name": "pod", "project": "project"}
"""Labels that a series cannot be without."""

Labels = tuple[tuple[str, str], ...]

Points = dict[Labels, dict[datetime, list[float]]]
"""By its labels, the values of each series by time; only an aggregation has several."""


def labels_of(asked: Query) -> tuple[str, ...]:
    return ("clusterId", *asked.series.labels)


def is_meant(asked: Query, cluster: str) -> bool:
    """Whether the matchers let a cluster through."""
    identifier = pa.array([LABELS["clusterId"].value({"cluster": cluster})])
    return all(each.holds(identifier)[0].as_py() for each in asked.matchers if each.label == "clusterId")


def of_whom(asked: Query) -> Iterable[Condition]:
    """A series of workloads, pods or projects has no value for what belongs to none."""
    named = [dimension for label, dimension in HOLDERS.items() if label in asked.series.labels]
    yield from (Condition(dimension, "=@", "") for dimension in named[:1])


def narrowing(matchers: Iterable[Matcher]) -> Iterable[Condition]:
    """What of the matchers the ledger can be asked for: values that must be there."""
    for each in matchers:
        label = LABELS.get(each.label)
        if label and not label.spell and each.operator == "=" and each.value and label.dimensions[0] in FIELDS:
            yield Condition(label.dimensions[0], "==", each.value)


def named(asked: Measurements) -> Iterable[tuple[datetime, dict[str, str | None], float]]:
    (measured,) = asked.measured
    for row in measured.rows.to_pylist() if measured.rows is not None else ():
        yield row["time"], row, row["value"]


def latest(answered: Measurements, moment: datetime) -> Iterable[tuple[datetime, dict[str, str | None], float]]:
    """What was last told, at the moment that is asked about."""
    return ((moment, names, value) for _, names, value in named(answered))


def at_times(
    answered: Measurements, times: list[datetime], grid: timedelta
) -> Iterable[tuple[datetime, dict[str, str | None], float]]:
    """At each time, what was told of the last step that had ended."""
    by_step: dict[datetime, list[datetime]] = {}
    for time in times:
        by_step.setdefault(time - (time - EPOCH) % grid - grid, []).append(time)
    for step, names, value in named(answered):
        for time in by_step.get(step.astimezone(UTC), ()):
            yield time, names, value


def evaluated(
    asked: Query, told: Iterable[tuple[datetime, dict[str, str | None], float]]
) -> Iterable[tuple[Labels, list[tuple[datetime, float]]]]:
    """The series that the matchers let through, aggregated where that is asked; in the order of their labels."""
    rows = [(time, spelled(asked, names), value) for time, names, value in told]
    kept = matching(asked.matchers, [labels for _, labels, _ in rows])
    series: Points = {}
    for (time, labels, value), is_kept in zip(rows, kept, strict=True):
        if is_kept:
            series.setdefault(group_of(asked, labels), {}).setdefault(time, []).append(value)
    function = FUNCTIONS[asked.aggregation or "sum"]
    for group, points in sorted(series.items()):
        yield group, [(time, function(values)) for time, values in sorted(points.items())]


def spelled(asked: Query, names: dict[str, str | None]) -> dict[str, str]:
    return {label: LABELS[label].value(names) for label in labels_of(asked)}


def matching(matchers: tuple[Matcher, ...], rows: list[dict[str, str]]) -> list[bool]:
    kept = [True] * len(rows)
    for matcher in matchers:
        held = matcher.holds(pa.array([row.get(matcher.label, "") for row in rows], pa.string())).to_pylist()
        kept = [before and now for before, now in zip(kept, held, strict=True)]
    return kept


def group_of(asked: Query, labels: dict[str, str]) -> Labels:
    """The labels that are told: all, or those that an aggregation is by; without those that are empty."""
    if asked.aggregation:
        return tuple((label, labels[label]) for label in asked.by if labels.get(label))
    return (("__name__", asked.series.name), *((label, value) for label, value in labels.items() if value))
