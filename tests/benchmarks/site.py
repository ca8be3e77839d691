"""Site: nodes of eight GPUs over some days, as dcgm-exporter and kube-state-metrics tell them; and several of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from queries.settings import Cluster
from queries.window import Window
from tests.benchmarks.values import Work, show

START = datetime(2025, 3, 3, tzinfo=UTC)

GPUS = 8
GPUS_PER_POD = 4
PROJECTS = 12
SHIFT = 8 * 60
"""How many minutes a pod runs; the next one follows it at once."""

DAY = 1440

METRICS = {
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "engine_active",
    "DCGM_FI_DEV_GPU_UTIL": "utilization_percent",
    "DCGM_FI_DEV_FB_USED": "memory_used_mib",
    "DCGM_FI_DEV_POWER_USAGE": "power_watts",
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": "energy_millijoules",
}
"""What the exporter tells of each GPU: which of the values that it shows."""

UTILIZATION = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"

MODELS = ("NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB", "NVIDIA H200")

KUBE_STATE_METRICS = {"instance": "10.0.0.1:8080", "job": "kube-state-metrics"}

WORKS: tuple[Work, ...] = ("training", "inference", "training", "notebook")


@dataclass(frozen=True)
class Series:
    """A series with a value a minute. first: Unix milliseconds of the first."""

    metric: str
    labels: dict[str, str]
    first: int
    values: list[float]

    @property
    def times(self) -> range:
        return range(self.first, self.first + len(self.values) * 60_000, 60_000)


@dataclass(frozen=True)
class Site:
    """How many GPUs, and for how long.

    is_aligned: whether all is scraped at the full minute, so that a mean over samples and one over time are the same. A
    real Prometheus scrapes each target at a second of its own. number: which one it is of several, each with GPUs of
    its own, and with projects and names of nodes that others have too.
    """

    gpus: int
    days: int
    is_aligned: bool = False
    number: int = 0
    metrics: tuple[str, ...] = tuple(METRICS)

    @property
    def name(self) -> str:
        which = f"-{self.number}-of-{len(self.metrics)}-metrics" if self.number else ""
        return f"{self.gpus}-gpus-{self.days}-days{'-aligned' if self.is_aligned else ''}{which}"

    @property
    def cluster_name(self) -> str:
        return f"bench-{self.number}" if self.number else "bench"

    @property
    def gpu_model(self) -> str:
        return MODELS[self.number % len(MODELS)]

    @property
    def nodes(self) -> int:
        return self.gpus // GPUS

    @property
    def window(self) -> Window:
        return Window(START, START + timedelta(days=self.days))

    @property
    def last_day(self) -> Window:
        return Window(self.window.end - timedelta(days=1), self.window.end)

    def cluster(self, url: str) -> Cluster:
        """How the site is configured: its Prometheus honours the exporter's labels."""
        return Cluster(name=self.cluster_name, prometheus=url, honor_labels=True, timeout="10m")

    def series(self, minutes: range) -> Iterator[Series]:
        """Everything that is told in some minutes since the start."""
        for node in range(self.nodes):
            yield from self.of_node(node, minutes)

    def of_node(self, node: int, minutes: range) -> Iterator[Series]:
        yield from self.node(node, minutes)
        for gpus in range(0, GPUS, GPUS_PER_POD):
            yield from self.place(node, gpus, minutes)

    def node(self, node: int, minutes: range) -> Iterator[Series]:
        """What the scheduler says of a node."""
        place = {"node": f"node-{node:02}"}
        gpus = {"resource": "nvidia_com_gpu", "unit": "integer"}
        yield self.state("kube_node_status_capacity", place | gpus, minutes, GPUS)
        yield self.state("kube_node_status_allocatable", place | gpus, minutes, GPUS)
        yield self.state("kube_node_status_condition", place | {"condition": "Ready", "status": "true"}, minutes)
        yield self.state("kube_node_spec_unschedulable", place, minutes, 0)
        yield self.state("kube_node_labels", place | {"label_node_pool": "h100"}, minutes)

    def place(self, node: int, first: int, minutes: range) -> Iterator[Series]:
        """The pods that follow each other on some GPUs of a node, and what these show."""
        number = (node * GPUS + first) // GPUS_PER_POD
        works = list(self.shifts(number))
        for within, shift in works:
            if common := overlap(within, minutes):
                yield from self.pod(node, number, shift, common)
        for gpu in range(first, first + GPUS_PER_POD):
            seed = self.number * 100_000 + node * GPUS + gpu
            shown = show(seed, [(within, WORKS[(number + shift) % len(WORKS)]) for within, shift in works])
            for within, shift in works:
                if common := overlap(within, minutes):
                    labels = self.device(node, gpu) | {"container": "main"} | pod(number, shift)
                    for metric in self.metrics:
                        values = getattr(shown, METRICS[metric])[common.start : common.stop].tolist()
                        yield Series(metric, labels, self.time(common.start, node), values)

    def shifts(self, number: int) -> Iterator[tuple[range, int]]:
        """The pods of a place, each with its minutes. Places change at different times."""
        offset, until = number * 37 % SHIFT - SHIFT, self.days * DAY
        for shift, begin in enumerate(range(offset, until, SHIFT)):
            if within := overlap(range(begin, begin + SHIFT), range(until)):
                yield within, shift

    def pod(self, node: int, number: int, shift: int, minutes: range) -> Iterator[Series]:
        """What the scheduler says of a pod."""
        named = pod(number, shift) | {"uid": f"{number:08d}-{self.number:04}-4000-8000-{shift:012d}"}
        place = {"node": f"node-{node:02}"}
        owner = {"owner_kind": "Job", "owner_name": f"train-{number}-{shift}"}
        gpus = {"container": "main", "resource": "nvidia_com_gpu", "unit": "integer"}
        yield self.state("kube_pod_info", named | place | {"host_ip": f"10.1.0.{node}"}, minutes)
        yield self.state("kube_pod_owner", named | owner, minutes)
        yield self.state("kube_pod_labels", named | {"label_user": f"user-{number % 9}"}, minutes)
        yield self.state("kube_pod_status_phase", named | {"phase": "Running"}, minutes)
        yield self.state("kube_pod_container_resource_requests", named | place | gpus, minutes, GPUS_PER_POD)

    def state(self, metric: str, labels: dict[str, str], minutes: range, value: float = 1) -> Series:
        first = self.time(minutes.start, self.nodes)
        return Series(metric, labels | KUBE_STATE_METRICS, first, [value] * len(minutes))

    def device(self, node: int, gpu: int) -> dict[str, str]:
        return {
            "gpu": str(gpu),
            "UUID": f"GPU-{node:08}-{self.number:04}-4000-8000-{gpu:012}",
            "pci_bus_id": f"00000000:{gpu:02}:00.0",
            "device": f"nvidia{gpu}",
            "modelName": self.gpu_model,
            "Hostname": f"node-{node:02}",
            "DCGM_FI_DRIVER_VERSION": "535.129.03",
            "instance": f"10.0.1.{node}:9400",
            "job": "dcgm-exporter",
        }

    def time(self, minute: int, target: int) -> int:
        """When a target is scraped in some minute since the start (Unix milliseconds)."""
        offset = 0 if self.is_aligned else (target + 1) * 7_919 % 60_000
        return round(START.timestamp() * 1000) + minute * 60_000 + offset


def pod(number: int, shift: int) -> dict[str, str]:
    project = (number * 7 + shift * 5) % PROJECTS
    return {"namespace": f"runai-project-{project}", "pod": f"train-{number}-{shift}-0"}


def overlap(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))
