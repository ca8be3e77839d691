"""Shown: what a cluster's series showed in a short time, as plain values: GPUs, nodes and pods."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collectors.tables import Tables
from collectors.vocabulary import Row
from queries.ledger.inputs import Inputs
from queries.ledger.standing import LATE, is_blank, learn_intervals

Device = tuple[str, str]
"""A GPU's UUID and the instance of it, empty for a whole GPU."""

SHARED = "nvidia_com_gpu_shared"


@dataclass(frozen=True)
class GpuSeries:
    """A series of a GPU that is still there. reading: what it tells, by the catalogue's number; -1: only who holds.
    holder: namespace and pod, or kind and name of another scheduler's job; None: nobody. told_by: in which label."""

    number: int
    reading: int
    device: Device
    node: str
    profile: str
    holder: tuple[str, str] | None
    told_by: str


@dataclass(frozen=True)
class Request:
    """GPUs that a running pod requests on a node."""

    node: str
    pod: tuple[str, str]
    resource: str
    amount: float


class Shown:
    """What the tables say that were read of a cluster, about now."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.inputs: Inputs = tables.inputs()
        samples, series = self.inputs.tables["samples"], self.inputs.tables["series"]
        self.series: NDArray[np.int32] = samples["series"].to_numpy()
        self.times: NDArray[np.int64] = samples["time"].to_numpy()
        self.values: NDArray[np.float64] = samples["value"].to_numpy(zero_copy_only=False)
        self.scrape, self.scale, self.minimum, self.maximum = (
            series[name].to_numpy(zero_copy_only=False) for name in ("scrape", "scale", "minimum", "maximum")
        )
        self.is_live = self._find_live()

    def rows(self, table: str) -> list[Row]:
        return self.tables.rows[table]

    @cached_property
    def gpus(self) -> list[GpuSeries]:
        rows = [row for row in self.rows("gpu_series") if self.is_live[number(row)]]
        renamed = {row["job"] for row in rows if row.get("exported_pod")}
        own_pods = {(row["job"], row["instance"]): row["pod"] for row in self.rows("targets") if row["pod"]}
        return [gpu_series(row, row["job"] in renamed, own_pods.get((row["job"], row["instance"]))) for row in rows]

    @cached_property
    def devices(self) -> dict[str, set[Device]]:
        """By node."""
        found: dict[str, set[Device]] = defaultdict(set)
        for gpu in self.gpus:
            found[gpu.node].add(gpu.device)
        return found

    @cached_property
    def readings(self) -> dict[Device, set[int]]:
        found: dict[Device, set[int]] = defaultdict(set)
        for gpu in self.gpus:
            found[gpu.device].add(gpu.reading)
        return found

    @cached_property
    def capacity(self) -> dict[tuple[str, str], float]:
        """By node and resource, what the scheduler says that the node has."""
        found: dict[tuple[str, str], float] = defaultdict(float)
        for row in self.rows("node_series"):
            if row["fact"] == "gpus" and self.is_live[number(row)]:
                key = (str(row["node"]), str(row["resource"]))
                found[key] = max(found[key], self.last_value(number(row)))
        return {key: value for key, value in found.items() if value > 0}

    @cached_property
    def requests(self) -> list[Request]:
        running = {
            pod_of(row)
            for row in self.rows("pod_series")
            if self.is_live[number(row)] and self.last_value(number(row)) > 0
        }
        nodes = {pod_of(row): str(row["node"]) for row in self.rows("pod_facts") if row.get("node")}
        amounts: dict[tuple[tuple[str, str], str, str], float] = {}
        for row in self.rows("requests"):
            key = (pod_of(row), str(row["resource"]), "init" if row["is_init"] else str(row["container"]))
            amounts[key] = max(amounts.get(key, 0.0), float(str(row["amount"])))
        return [
            Request(nodes[pod], pod, resource, amount)
            for (pod, resource, container), amount in amounts.items()
            if pod in running and pod in nodes and container != "init"
        ]

    @cached_property
    def node_labels(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self.rows("node_facts"):
            found[str(row["node"])].update(dict(row["labels"]))  # type: ignore[call-overload]  # pairs of text
        return found

    def replicas(self, node: str) -> float:
        """Into how many parts, handed out as whole GPUs, the GPUs of a node are shared."""
        told = self.node_labels.get(node, {}).get("label_nvidia_com_gpu_replicas", "")
        return max(1.0, float(told)) if told.isdigit() else 1.0

    def last_value(self, series: int) -> float:
        return float(self.values_of(series)[-1])

    def values_of(self, series: int) -> NDArray[np.float64]:
        first, last = np.searchsorted(self.series, [series, series + 1])
        return self.values[first:last]

    def intervals(self, series: list[int]) -> NDArray[np.int64]:
        """The milliseconds between the samples of some series."""
        is_same = (np.diff(self.series) == 0) & np.isin(self.series[1:], series)
        gaps: NDArray[np.int64] = np.diff(self.times)[is_same]
        return gaps

    def impossible(self) -> NDArray[np.bool_]:
        """Which samples have values that cannot be true."""
        values = self.values * self.scale[self.series]
        with np.errstate(invalid="ignore"):
            is_within = (values >= self.minimum[self.series]) & (values <= self.maximum[self.series])
        found: NDArray[np.bool_] = is_blank(self.values) | ~is_within
        return found

    def _find_live(self) -> NDArray[np.bool_]:
        """Which series had a sample of late: of the last two scrapes."""
        last = np.full(len(self.scrape), -1, np.int64)
        last[self.series] = self.times
        is_same = np.diff(self.series) == 0
        intervals = learn_intervals(np.diff(self.times)[is_same], self.scrape[self.series[1:][is_same]], 60_000)
        reach = np.full(int(self.scrape.max(initial=-1)) + 1, 60_000, np.int64)
        reach[: len(intervals)] = intervals
        live: NDArray[np.bool_] = last >= self.times.max(initial=0) - (1 + LATE) * reach[self.scrape]
        return live


def gpu_series(row: Row, is_renamed: bool, own_pod: object) -> GpuSeries:
    """A pod is no holder where it is the exporter's own: that of its scrape target, or what an exported_pod of other
    series shows."""
    holder, told_by = None, ""
    if row.get("workload"):
        holder, told_by = (str(row["workload_kind"]), str(row["workload"])), str(row["workload_kind"])
    elif row.get("exported_pod"):
        holder, told_by = (str(row["exported_namespace"]), str(row["exported_pod"])), "exported_pod"
    elif row.get("pod") and not is_renamed and row["pod"] != own_pod:
        holder, told_by = (str(row["namespace"]), str(row["pod"])), "pod"
    return GpuSeries(
        number(row),
        int(str(row["reading"])),
        (str(row["gpu_uuid"]), str(row["gpu_instance"])),
        str(row["node"]),
        str(row.get("gpu_profile") or ""),
        holder,
        told_by,
    )


def number(row: Row) -> int:
    return int(str(row["series"]))


def pod_of(row: Row) -> tuple[str, str]:
    return str(row["namespace"]), str(row["pod"])
