"""Site: 128 GPUs of 16 nodes over a week, as dcgm-exporter and kube-state-metrics tell them, in a real Prometheus."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.progress import track

from queries.settings import Cluster
from queries.window import Window
from tests.servers import Server, feed, prometheus

START = datetime(2025, 3, 3, tzinfo=UTC)
DAYS = 7
WEEK = Window(START, START + timedelta(days=DAYS))
LAST_DAY = Window(WEEK.end - timedelta(days=1), WEEK.end)

NODES = 16
GPUS = 8
GPUS_PER_POD = 4
PROJECTS = 12
SHIFT = 8 * 60
"""How many minutes a pod runs; the next one follows it at once."""

LOOKBACK = "59s"
"""promtool writes no staleness markers: with more, Prometheus would count the last sample of a series repeatedly."""

METRICS = (
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_POWER_USAGE",
)
UTILIZATION = METRICS[0]

Samples = Iterator[tuple[str, list[str]]]


def namespace_of(number: int, shift: int) -> str:
    return f"runai-project-{(number * 7 + shift * 5) % PROJECTS}"


def values_of(metric: str, dice: np.random.Generator, count: int) -> list[str]:
    match metric:
        case "DCGM_FI_DEV_POWER_USAGE":
            return [f"{value:.3f}" for value in dice.uniform(60, 700, count)]
        case "DCGM_FI_DEV_GPU_UTIL":
            return [str(value) for value in dice.integers(0, 101, count)]
        case "DCGM_FI_DEV_FB_USED":
            return [str(value) for value in dice.integers(0, 81_559, count)]
    return [f"{value:.6f}" for value in dice.uniform(0, 1, count)]


def shifts(number: int, minutes: range) -> Iterator[tuple[int, range]]:
    """The pods that follow each other on a pod's place, each with its minutes. Places change at different times."""
    offset = number * 37 % SHIFT
    for shift in range((minutes.start - offset) // SHIFT, (minutes.stop - offset) // SHIFT + 1):
        first = offset + shift * SHIFT
        within = range(max(first, minutes.start), min(first + SHIFT, minutes.stop))
        if within:
            yield shift, within


def page(minutes: range) -> str:
    """Everything that was told in some minutes since the start, in OpenMetrics."""
    told: dict[str, list[str]] = {}
    stamps = [str(int(START.timestamp()) + minute * 60) for minute in range(minutes.stop)]

    def tell(metric: str, labels: str, within: range, values: list[str]) -> None:
        series = f"{metric}{{{labels}}}"
        lines = told.setdefault(metric, [f"# TYPE {metric} gauge"])
        lines += [f"{series} {value} {stamps[minute]}" for minute, value in zip(within, values, strict=True)]

    def state(metric: str, labels: str, within: range, value: int = 1) -> None:
        tell(metric, f'{labels},instance="10.0.0.1:8080",job="kube-state-metrics"', within, [str(value)] * len(within))

    dice = np.random.default_rng(minutes.start)
    for node in range(NODES):
        for gpus in range(0, GPUS, GPUS_PER_POD):
            number = node * GPUS // GPUS_PER_POD + gpus // GPUS_PER_POD
            for shift, within in shifts(number, minutes):
                pod = f'namespace="{namespace_of(number, shift)}",pod="train-{number}-{shift}-0"'
                named = f'{pod},uid="{number:08d}-0000-4000-8000-{shift:012d}"'
                state("kube_pod_info", f'{named},node="node-{node:02}",host_ip="10.1.0.{node}"', within)
                state("kube_pod_owner", f'{named},owner_kind="Job",owner_name="train-{number}-{shift}"', within)
                state("kube_pod_labels", f'{named},label_user="user-{number % 9}"', within)
                state("kube_pod_status_phase", f'{named},phase="Running"', within)
                state(
                    "kube_pod_container_resource_requests",
                    f'{named},container="main",node="node-{node:02}",resource="nvidia_com_gpu",unit="integer"',
                    within,
                    GPUS_PER_POD,
                )
                for gpu in range(gpus, gpus + GPUS_PER_POD):
                    device = (
                        f'gpu="{gpu}",UUID="GPU-{node:08}-0000-4000-8000-{gpu:012}",pci_bus_id="00000000:{gpu:02}:00.0",'
                        f'device="nvidia{gpu}",modelName="NVIDIA H100 80GB HBM3",Hostname="node-{node:02}",'
                        f'DCGM_FI_DRIVER_VERSION="535.129.03",container="main",{pod},'
                        f'instance="10.0.1.{node}:9400",job="dcgm-exporter"'
                    )
                    for metric in METRICS:
                        tell(metric, device, within, values_of(metric, dice, len(within)))
        place = f'node="node-{node:02}"'
        for metric in ("kube_node_status_capacity", "kube_node_status_allocatable"):
            state(metric, f'{place},resource="nvidia_com_gpu",unit="integer"', minutes, GPUS)
        state("kube_node_status_condition", f'{place},condition="Ready",status="true"', minutes)
        state("kube_node_spec_unschedulable", place, minutes, 0)
        state("kube_node_labels", f'{place},label_node_pool="h100"', minutes)
    return "\n".join([*(line for lines in told.values() for line in lines), "# EOF", ""])


def cluster_at(url: str) -> Cluster:
    """How the site is configured: its Prometheus honours the exporter's labels."""
    return Cluster(name="bench", prometheus=url, honor_labels=True)


@contextmanager
def site(folder: Path) -> Iterator[Server]:
    """The site's Prometheus. Its week is written once and kept."""
    written = folder / "written"
    if not written.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for day in track(range(DAYS), "writing a week of 128 GPUs"):
            feed(folder / "prometheus", page(range(day * 1440, (day + 1) * 1440)))
        written.touch()
    with prometheus(folder, options=[f"--query.lookback-delta={LOOKBACK}"]) as server:
        yield server
