"""The catalogue: Metric and METRICS, parsed from metrics.toml and checked once."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import msgspec

from queries.workload_types import type_sql


@dataclass(frozen=True)
class Dimension:
    """What answers can be grouped and filtered by. sql: over the ledger's columns; the department is joined with them
    when it is asked for."""

    name: str
    sql: str

    @property
    def column(self) -> str:
        return f'"{self.name}"'


DIMENSIONS: dict[str, Dimension] = {
    name: Dimension(name, sql)
    for name, sql in {
        "cluster": "cluster",
        "node_pool": "node_pool",
        "node": "node",
        "gpu": "gpu_uuid || coalesce('/' || gpu_instance, '')",
        "gpu_model": "gpu_model",
        "department": "department",
        "project": "project",
        "user": '"user"',
        "workload": "workload",
    }.items()
}

FIELDS: dict[str, Dimension] = DIMENSIONS | {
    name: Dimension(name, sql)
    for name, sql in {
        "gpu_index": "gpu || coalesce('/' || gpu_instance, '')",
        "namespace": "coalesce(namespace, '')",
        "pod": "pod",
        "pod_uid": "pod_uid",
        "workload_kind": "workload_kind",
        "workload_phase": "case state when 'running' then 'Running' when 'initializing' then 'Initializing'"
        " else 'Pending' end",
        "workload_type": f"case when workload is not null then {type_sql()} end",
    }.items()
}
"""The dimensions, and what our own questions tell rows apart by beside them; the phase, changes of workloads alone."""

ENTITY_DIMENSIONS = {
    "gpu": tuple(DIMENSIONS),
    "project": ("cluster", "department", "project"),
    "pod": ("cluster", "node_pool", "node", "department", "project", "user", "workload"),
    "node": ("cluster", "node_pool", "node"),
}

ENTITY_FIELDS = {
    "gpu": (*ENTITY_DIMENSIONS["gpu"], "gpu_index", "namespace", "pod", "pod_uid", "workload_kind", "workload_type"),
    "project": ENTITY_DIMENSIONS["project"],
    "pod": (*ENTITY_DIMENSIONS["pod"], "namespace", "pod", "pod_uid", "workload_kind", "workload_type"),
    "node": ENTITY_DIMENSIONS["node"],
}

LEDGER_COLUMNS = ("busy", "idle", "held", "free", "unattributed", "unavailable", "unknown")
"""Where a GPU-second can be booked; stored and answered as ``<name>_seconds``; their sum is the capacity."""

PERCENTILES = {"p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""The share of the time that the value is not above the statistic."""

STATISTICS = ("mean", "sum", "min", "max", *PERCENTILES)


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One exporter's series that a metric is read from."""

    exporter: str
    series: str
    scale: float = 1.0
    range: tuple[float, float] = (float("-inf"), float("inf"))
    counter: bool = False
    part: Literal["whole", "needed", "optional"] = "whole"
    per_process: bool = False
    beside: str | None = None
    without: str | None = None


class Gauge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a metric that is stored as it was read is weighed when it is shared or summed."""

    scope: Literal["gpu", "instance", "project", "pod", "node"]
    weigh: Literal["gpus", "devices"]
    integral: str | None = None
    utilization: str | None = None


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of metrics.toml."""

    unit: str
    help: str
    entity: Literal["gpu", "project", "pod", "node"]
    numerator: str | None = None
    denominator: str | None = None
    gauge: Gauge | None = None
    sources: tuple[Source, ...] = ()
    set_by_api: bool = False
    """Whether the API can set it, for each node pool of a project, in place of what the sources tell."""


@dataclass(frozen=True)
class Metric:
    """A metric that can be asked for.

    ``numerator`` and ``denominator`` are SQL over the ledger's columns. A denominator of ``elapsed`` asks for the mean
    over the collected time of the sum over GPUs; of ``None``, for the sum itself.
    """

    name: str
    entry: Entry

    @property
    def dimensions(self) -> tuple[str, ...]:
        known = ENTITY_DIMENSIONS[self.entry.entity]
        return (*known, "node_pool") if self.entry.set_by_api else known

    @property
    def is_stored(self) -> bool:
        """Whether the ledger keeps it as it was read."""
        return bool(self.entry.gauge and self.entry.sources)

    @property
    def numerator(self) -> str:
        return self.entry.numerator or self.integral

    @property
    def denominator(self) -> str | None:
        return self.seconds if self.entry.gauge else self.entry.denominator

    @property
    def is_summed_over_entities(self) -> bool:
        """Whether the values of projects, pods or nodes are added up, each its mean over time."""
        return self.entry.gauge is not None and self.entry.entity != "gpu"

    @property
    def is_divided_by_time(self) -> bool:
        return self.denominator == "elapsed"

    @property
    def is_divided_by_column(self) -> bool:
        return self.denominator not in (None, "elapsed")

    @property
    def integral(self) -> str:
        """The column of a gauge that holds value x seconds."""
        gauge = self.entry.gauge
        return (gauge.integral if gauge else None) or f"{self.name}_integral"

    @property
    def seconds(self) -> str:
        """The column of a gauge that holds the seconds it was read for."""
        return f"{self.name}_seconds"

    @property
    def weight(self) -> str:
        """What a gauge's value is multiplied by in the booking: seconds of devices, or of whole GPUs."""
        return "device_seconds" if self.entry.gauge and self.entry.gauge.weigh == "devices" else "capacity_seconds"

    @property
    def extremes(self) -> tuple[str, str] | None:
        """The columns of hourly rows that hold the metric's smallest and largest value, where it has any."""
        if self.is_stored or self.name in WITH_EXTREMES:
            return f"{self.name}_min", f"{self.name}_max"
        return None

    @property
    def statistics(self) -> tuple[str, ...]:
        """What can be asked over all GPU-time of a group. A metric that is a sum has that sum as its mean, too."""
        if self.extremes and self.entry.entity == "gpu":
            return STATISTICS
        is_ratio = self.is_divided_by_column and not self.is_summed_over_entities
        return ("mean",) if is_ratio else ("mean", "sum")

    @property
    def statistics_over_time(self) -> tuple[str, ...]:
        """What can be asked over the steps of a group's own value. What grows with the step has none."""
        return () if self.denominator is None else ("mean", "min", "max", *PERCENTILES)

    @property
    def has_histogram(self) -> bool:
        """Whether hourly rows hold how long it had which value."""
        return self.name in WITH_EXTREMES

    @property
    def formula(self) -> str:
        """The formula as it is published, over sums of the ledger's columns."""
        if self.is_summed_over_entities:
            return f"sum over {self.entry.entity}s of sum({self.integral}) / (most seconds told of any of them)"
        if self.denominator is None:
            return f"sum({self.numerator})"
        if self.denominator == "elapsed":
            return f"sum({self.numerator}) / elapsed seconds"
        return f"sum({self.numerator}) / sum({self.denominator})"


WITH_EXTREMES = ("gpu_utilization_ratio",)
"""Computed metrics whose extremes and histogram are kept in hourly rows."""


def read_catalogue() -> dict[str, Metric]:
    text = files("queries").joinpath("metrics.toml").read_text()
    entries = msgspec.convert(tomllib.loads(text), dict[str, Entry])
    for name, entry in entries.items():
        if not entry.numerator and not entry.gauge:
            raise ValueError(f"metrics.toml: {name} has neither a numerator nor a gauge")
    return {name: Metric(name, entry) for name, entry in entries.items()}


METRICS: dict[str, Metric] = read_catalogue()

GAUGES: tuple[Metric, ...] = tuple(metric for metric in METRICS.values() if metric.is_stored)
"""The metrics that are stored as they were read, in the order of their columns."""

SET_BY_API: tuple[Metric, ...] = tuple(metric for metric in METRICS.values() if metric.entry.set_by_api)
"""The quotas."""

GRAPHICS_ENGINE = METRICS["gpu_graphics_engine_active_ratio"]

ENERGY = METRICS["gpu_energy_joules"]
"""Not stored as it was read: its counter becomes joules in the booking."""


@dataclass(frozen=True)
class Reading:
    """A series of GPUs that the booking reads. Several metrics may be made of it."""

    number: int
    source: Source

    @property
    def column(self) -> str:
        return f"reading_{self.number}"


def read_of_gpus() -> dict[tuple[str, str], Reading]:
    sources = {
        (source.exporter, source.series): source
        for metric in METRICS.values()
        for source in metric.entry.sources
        if metric.entry.entity == "gpu" and (metric.entry.gauge or source.counter)
    }
    return {key: Reading(number, source) for number, (key, source) in enumerate(sources.items())}


READINGS: dict[tuple[str, str], Reading] = read_of_gpus()
"""By exporter and series."""

UTILIZATIONS: frozenset[int] = frozenset(
    READINGS[source.exporter, source.series].number
    for metric in GAUGES
    if metric.entry.gauge and metric.entry.gauge.utilization
    for source in metric.entry.sources
)
"""The numbers of the readings that can serve as the utilization."""


def expression(metric: Metric, present: frozenset[int]) -> str | None:
    """The SQL that makes a metric of the readings of GPUs that are present: of an exporter's series the first that says
    anything; of several exporters, the largest."""
    exporters = dict.fromkeys(source.exporter for source in metric.entry.sources)
    if metric.entry.entity != "gpu":
        return None
    candidates = [first_of(ways_to_read(metric, exporter, present)) for exporter in exporters]
    told = [candidate for candidate in candidates if candidate]
    return f"greatest({', '.join(told)})" if told else None


def first_of(ways: list[str]) -> str | None:
    return f"coalesce({', '.join(ways)})" if len(ways) > 1 else next(iter(ways), None)


def ways_to_read(metric: Metric, exporter: str, present: frozenset[int]) -> list[str]:
    """The SQL of each series that is the metric by itself, and of the sum of those that are its parts."""
    sources = [source for source in metric.entry.sources if source.exporter == exporter]
    here = [source for source in sources if number_of(source) in present]
    ways = [told_by(source, present) for source in here if source.part == "whole"]
    parts = [source for source in sources if source.part != "whole"]
    if parts and all(source in here for source in parts if source.part == "needed"):
        ways.append(" + ".join(told_by(source, present) for source in parts if source in here))
    return [way for way in ways if way]


def told_by(source: Source, present: frozenset[int]) -> str:
    """The SQL of one series; empty where the one that it must stand beside is not there."""
    column = READINGS[source.exporter, source.series].column
    if source.part == "optional":
        return f"coalesce({column}, 0)"
    other = READINGS.get((source.exporter, source.beside or source.without or ""))
    if other is None or (source.without and other.number not in present):
        return column
    if other.number not in present:
        return ""
    return f"case when {other.column} is {'not ' if source.beside else ''}null then {column} end"


def number_of(source: Source) -> int:
    return READINGS[source.exporter, source.series].number
