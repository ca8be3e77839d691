"""Metric types: what Run:ai's API calls things, and what of ours answers them; parsed from metric_types.toml."""

import tomllib
from importlib.resources import files
from typing import Literal

import msgspec

from queries.catalogue import METRICS, Metric

Scope = Literal[
    "cluster",
    "node_pool",
    "node",
    "project",
    "department",
    "workload",
    "pod",
    "inference",
    "nodes",
    "workloads",
    "org_unit",
    "legacy_cluster",
    "legacy_project",
]

ALIKE: dict[str, Scope] = {"node_pool": "cluster", "department": "project"}
"""Scopes that have the same types as others."""


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of the ledger is counted. having: SQL over sums of the ledger's columns."""

    of: Literal["node", "pod"]
    help: str
    having: str | None = None
    distinct: bool = False


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of each workload that is in some states; without states, its mean over those that begin to run."""

    amount: str
    help: str
    states: tuple[str, ...] = ()


class MetricType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the file."""

    name: str
    unit: str
    scopes: tuple[Scope, ...] = ()
    further: tuple[Scope, ...] = ()
    metric: str | None = None
    count: str | None = None
    state: str | None = None
    shape: Literal["utilization_bands", "idle_time", "pending_times"] | None = None
    empty: str | None = None
    statistic: Literal["mean", "sum"] = "mean"
    scale: float = 1.0
    per_gpu: bool = False
    histogram: bool = False

    def __post_init__(self) -> None:
        answers = [self.metric, self.count, self.state, self.shape, self.empty]
        if sum(each is not None for each in answers) != 1:
            raise ValueError(
                f"metric_types.toml: {self.name} has not exactly one of metric, count, state, shape, empty"
            )
        if self.metric and self.metric not in METRICS:
            raise ValueError(f"metric_types.toml: {self.name}: there is no metric {self.metric!r}")

    @property
    def told(self) -> Metric | None:
        return METRICS[self.metric] if self.metric else None


class Series(MetricType, frozen=True, forbid_unknown_fields=True):
    """A legacy series, and the labels that it carries."""

    labels: tuple[str, ...] = ()


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    counts: dict[str, Count]
    states: dict[str, State]
    types: tuple[MetricType, ...]
    series: tuple[Series, ...]


NAMES: Names = msgspec.convert(tomllib.loads(files("queries").joinpath("metric_types.toml").read_text()), Names)


def by_scope() -> dict[str, dict[str, MetricType]]:
    found: dict[str, dict[str, MetricType]] = {}
    for each in NAMES.types:
        for scope in each.scopes + each.further:
            if each.name in found.setdefault(scope, {}):
                raise ValueError(f"metric_types.toml: {each.name} of {scope} is there twice")
            found[scope][each.name] = each
    return found | {scope: found[like] for scope, like in ALIKE.items()}


TYPES: dict[str, dict[str, MetricType]] = by_scope()
"""By scope and name."""

SERIES: dict[str, Series] = {each.name: each for each in NAMES.series}
"""By name."""


def names_of(metric: str) -> list[str]:
    """The types and series that a metric of the catalogue answers."""
    return list(dict.fromkeys(each.name for each in (*NAMES.types, *NAMES.series) if each.metric == metric))
