"""Live: a lake of the last hours until now, with all that metric types speak of, in numbers one can check by hand.

alpha-1 (pool a100_80gb): GPUs 0 and 1 are held by the pod of the job train (project a, user ada) and work at 0.5 and 1; GPU 2 by
the notebook note (project b), which does nothing; GPU 3 is free. alpha-2 (pool default): half of GPU 0 is held by the pod frac
(project b) and works, GPU 1 is broken. The job waits (project b) has asked for 8 GPUs for an hour and waits. beta-1: GPU 0 is held
by the pod of train (project a) and works. Each GPU draws 100 W and has 40 of 80 GiB in use.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from queries.departments import Department
from queries.lake import Lake
from queries.settings import Cluster, Settings
from queries.window import HOUR, Window
from tests.sketch import Sketch, Values

NOW = datetime.now(UTC).replace(second=0, microsecond=0)

OPEN = Window.hour_of(NOW - timedelta(minutes=1))

START = OPEN.start - 3 * HOUR

DAY = Window(START, OPEN.end)

MINUTES = int((NOW - START).total_seconds() // 60)

GIBIBYTE = 2**30

PROFILED = {
    "DCGM_FI_DEV_POWER_USAGE": 100.0,
    "DCGM_FI_DEV_FB_USED": 40 * 1024.0,
    "DCGM_FI_DEV_FB_FREE": 40 * 1024.0,
    "DCGM_FI_PROF_SM_ACTIVE": 0.6,
    "DCGM_FI_PROF_SM_OCCUPANCY": 0.25,
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.125,
    "DCGM_FI_PROF_PIPE_FP16_ACTIVE": 0.375,
    "DCGM_FI_PROF_PIPE_FP32_ACTIVE": 0.0625,
    "DCGM_FI_PROF_PIPE_FP64_ACTIVE": 0.0,
    "DCGM_FI_PROF_DRAM_ACTIVE": 0.5,
    "DCGM_FI_PROF_PCIE_TX_BYTES": 1e9,
    "DCGM_FI_PROF_PCIE_RX_BYTES": 2e9,
    "DCGM_FI_PROF_NVLINK_TX_BYTES": 3e9,
    "DCGM_FI_PROF_NVLINK_RX_BYTES": 4e9,
}
"""What each GPU of alpha-1 shows beside its utilization, in the exporter's units."""

DEPARTMENTS = ({"name": "research", "projects": ["a", "b"]},)


def settings_for(folder: Path, mode: str = "off") -> Settings:
    clusters = [{"name": name, "prometheus": "http://127.0.0.1:1"} for name in ("alpha", "beta")]
    told = {"store": {"path": str(folder)}, "auth": {"mode": mode}, "clusters": clusters, "departments": DEPARTMENTS}
    return Settings.model_validate(told | {"limits": {"hot_bytes": 0, "listed_bytes": 0}})


def departments() -> tuple[Department, ...]:
    return tuple(Department.model_validate(each) for each in DEPARTMENTS)


class Live(Sketch):
    """A sketch of the hours until now."""

    def __init__(self, name: str) -> None:
        super().__init__(Cluster(name=name, prometheus="http://127.0.0.1:1"), MINUTES, START)

    def gpu_of(self, node: str, index: int, u: Values, pod: str | None = None) -> None:
        self.gpu(f"GPU-{node}-{index}", node, u, pod=pod)
        shown = PROFILED if node == "alpha-1" else {"DCGM_FI_DEV_POWER_USAGE": 100.0}
        for series, value in shown.items():
            self.gpu(f"GPU-{node}-{index}", node, value, series, pod=pod)
        for row in self.rows["gpu_series"]:
            if row["device"] == self.device(f"GPU-{node}-{index}"):
                row["gpu"] = str(index)

    def pool(self, node: str, pool: str) -> None:
        self.rows["node_facts"].append({"node": node, "labels": [("label_node_pool", pool)]})

    def shown(self, metric: str, value: float, kind: str, exporter: str, **names: str) -> None:
        told = {"metric": metric, "kind": kind, "exporter": exporter, "part": "", **names}
        self._series(value, "entity_series", told, valid=(0, 1e15))

    def worked_by(self, pod: str, kind: str, owner: str) -> None:
        for row in self.rows["pod_facts"]:
            if row["pod"] == pod:
                row |= {"owner_kind": kind, "owner_name": owner}

    def lived(self, pod: str, created: datetime, started: datetime | None, cores: float, gibibytes: float) -> None:
        name = {"namespace": "team", "pod": pod, "uid": f"uid-{pod}"}
        for what, time in (("created", created), ("started", started)):
            if time:
                self.rows["pod_times"].append(name | {"what": what, "time": time.timestamp()})
        for resource, amount in (("cpu", cores), ("memory", gibibytes * GIBIBYTE)):
            self.rows["pod_requests"].append(name | {"container": "main", "resource": resource, "amount": amount})


def alpha() -> Live:
    live = Live("alpha")
    live.node("alpha-1", 4)
    live.node("alpha-2", 2)
    live.pool("alpha-1", "a100_80gb")
    live.pool("alpha-2", "default")
    live.pod("train-0", "alpha-1", 2, project="a", user="ada")
    live.pod("note-0", "alpha-1", 1, project="b")
    live.pod("frac-0", "alpha-2", 0.5, project="b")
    live.pod("waits-0", "", 8, running=0.0, project="b")
    live.worked_by("train-0", "Job", "train")
    live.worked_by("note-0", "Notebook", "note")
    live.worked_by("waits-0", "Job", "waits")
    for index, (u, pod) in enumerate(((0.5, "train-0"), (1.0, "train-0"), (0.0, "note-0"), (0.0, None))):
        live.gpu_of("alpha-1", index, u, pod)
    live.gpu_of("alpha-2", 0, 0.5, "frac-0")
    live.gpu_of("alpha-2", 1, 0.0)
    live.fault("GPU-alpha-2-1", 1.0)
    live.lived("train-0", START - timedelta(minutes=10), START, 8, 16)
    live.lived("note-0", START, START + timedelta(seconds=0), 2, 4)
    live.lived("frac-0", START, START, 1, 1)
    live.lived("waits-0", NOW - HOUR, None, 64, 128)
    live.shown("pod_cpu_used_cores", 3.5, "pod", "cadvisor", namespace="team", pod="train-0")
    live.shown("pod_memory_used_bytes", 12e9, "pod", "cadvisor", namespace="team", pod="train-0")
    live.shown("node_cpu_used_cores", 16, "node", "node_exporter", node="alpha-1")
    live.shown("node_cpu_cores", 64, "node", "node_exporter", node="alpha-1")
    live.shown("node_memory_used_bytes", 100e9, "node", "node_exporter", node="alpha-1")
    live.shown("node_memory_total_bytes", 400e9, "node", "node_exporter", node="alpha-1")
    live.quota("a", 4.0)
    return live


def beta() -> Live:
    live = Live("beta")
    live.node("beta-1", 2)
    live.pool("beta-1", "default")
    live.pod("train-0", "beta-1", 1, project="a", user="ada")
    live.worked_by("train-0", "Job", "train")
    live.gpu_of("beta-1", 0, 1.0, "train-0")
    live.gpu_of("beta-1", 1, 0.0)
    live.lived("train-0", START, START, 4, 8)
    return live


def fill(folder: Path) -> None:
    lake = Lake(str(folder))
    lake.create()
    for live in (alpha(), beta()):
        booked = live.book(4, as_of=NOW)
        for hour in DAY.hours():
            lake.replace(hour, booked.of(hour))
        lake.replace_workloads(live.cluster.name, DAY, booked.workloads, NOW)
