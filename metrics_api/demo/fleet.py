"""Fleet: simulated clusters, whose every state follows from the time alone. So history and present agree."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY

Work = Literal["training", "inference", "notebook"]


@dataclass(frozen=True)
class Device:
    """A GPU, or an instance that MIG cut from it. slices: of seven; 7 is the whole GPU."""

    node: str
    index: int
    uuid: str
    model: str
    memory_mib: int
    instance: str = ""
    profile: str = ""
    slices: int = 7

    @property
    def resource(self) -> str:
        """The Kubernetes resource that hands it out, as kube-state-metrics spells it."""
        return f"nvidia_com_mig_{self.profile.replace('.', '_')}" if self.profile else "nvidia_com_gpu"

    @property
    def key(self) -> str:
        return f"{self.uuid}/{self.instance}"


@dataclass(frozen=True)
class Lane:
    """Devices of a node that are handed out together: in every period at most one job holds them, for a part of it."""

    node: str
    devices: tuple[Device, ...]
    hours: int
    works: tuple[Work, ...]


@dataclass(frozen=True)
class Job:
    """A pod that holds all devices of a lane, from ``start`` until ``end`` (Unix seconds)."""

    name: str
    project: str
    user: str
    work: Work
    node: str
    devices: tuple[Device, ...]
    start: int
    end: int

    @property
    def namespace(self) -> str:
        return f"runai-{self.project}"

    @property
    def pod(self) -> str:
        return f"{self.name}-0"

    @property
    def uid(self) -> str:
        number = zlib.crc32(f"{self.pod}{self.start}".encode())
        return f"{number:08x}-0000-4000-8000-{self.start:012x}"

    @property
    def created(self) -> int:
        """When it was submitted: most start within a minute, some wait for an hour."""
        return int(self.start - 15 - HOUR * self._dice("wait") ** 4)

    @property
    def ending(self) -> str:
        """Why it ends, as the container's last state says."""
        return {0: "OOMKilled", 1: "Error"}.get(int(20 * self._dice("ending")), "Completed")

    def _dice(self, what: str) -> float:
        return zlib.crc32(f"{self.uid}{what}".encode()) / 2**32


@dataclass(frozen=True)
class Outage:
    """Something that happens once a week: seconds since Monday 0:00 UTC."""

    start: int
    end: int

    def holds(self, time: float) -> bool:
        return self.start <= (time - MONDAY) % WEEK < self.end


MONDAY = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())


def weekly(day: int, since: float, until: float) -> Outage:
    return Outage(int(day * DAY + since * HOUR), int(day * DAY + until * HOUR))


@dataclass(frozen=True, eq=False)
class Cluster:
    """A simulated cluster. honors_labels: whether its Prometheus keeps the exporter's pod label (or renames it)."""

    name: str
    lanes: tuple[Lane, ...]
    projects: tuple[str, ...]
    users: tuple[str, ...]
    honors_labels: bool
    exporter_crash: tuple[str, Outage]
    drain: tuple[str, Outage]
    gap: Outage | None = None
    stowaway: tuple[str, int] | None = None
    """A node and the number of a GPU on which something works for a while that no pod asked for."""

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(lane.node for lane in self.lanes))

    def devices(self, node: str) -> list[Device]:
        return [device for lane in self.lanes if lane.node == node for device in lane.devices]

    def jobs(self, since: float, until: float) -> list[Job]:
        """Every job that runs at some time of an interval."""
        return [
            job
            for number, lane in enumerate(self.lanes)
            for period in range(int(since // (lane.hours * HOUR)) - 1, int(until // (lane.hours * HOUR)) + 1)
            if (job := job_of(self, number, period)) and job.start < until and job.end > since
        ]

    def is_drained(self, node: str, time: float) -> bool:
        return node == self.drain[0] and self.drain[1].holds(time)


@cache
def job_of(cluster: Cluster, number: int, period: int) -> Job | None:
    """The job of a lane's period, if it has one. Lanes begin their periods at different times."""
    lane = cluster.lanes[number]
    dice = np.random.default_rng([zlib.crc32(cluster.name.encode()), number, period])
    length = lane.hours * HOUR
    offset = int(zlib.crc32(f"{cluster.name}{number}".encode()) % length)
    start = int(period * length + offset + dice.uniform(0, 0.25) * length) // 60 * 60
    end = int(start + dice.uniform(0.3, 0.72) * length) // 60 * 60
    if dice.random() < 0.12:
        return None
    work = lane.works[dice.integers(len(lane.works))]
    project = cluster.projects[dice.integers(len(cluster.projects))]
    user = cluster.users[dice.integers(len(cluster.users))]
    if any(cluster.is_drained(lane.node, time) for time in range(start, end, 600)):
        return None
    return Job(f"{work}-{number}-{period % 100_000}", project, user, work, lane.node, lane.devices, start, end)


def utilization(cluster: Cluster, device: Device, job: Job | None, times: Floats) -> Floats:
    """The share of time in which the device works, at each time."""
    noise = jitter(device.key, times)
    if job is None:
        is_hidden = cluster.stowaway == (device.node, device.index) and not device.instance
        return np.where(is_hidden & (times % DAY >= 20 * HOUR) & (times % DAY < 22 * HOUR), 0.55 + 0.1 * noise, 0.0)
    if job.work == "training":
        warm = np.clip((times - job.start) / 300, 0, 1)
        return np.clip(warm * (0.9 + 0.09 * noise - 0.5 * ((times - job.start) % 1800 < 60)), 0, 1)
    if job.work == "inference":
        return np.clip(0.35 + 0.25 * np.sin(times / DAY * 2 * np.pi) + 0.15 * noise, 0, 1)
    is_used = (times - job.start) % (3 * HOUR) < 600
    return np.where(is_used, 0.3 + 0.2 * noise, 0.0)


def power_watts(load: Floats, device: Device, times: Floats) -> Floats:
    """What the whole GPU draws."""
    most = 700 if "H100" in device.model else 400
    return 0.12 * most + 0.82 * most * load + 4 * jitter(device.uuid, times)


def jitter(key: str, times: Floats) -> Floats:
    """A number from -1 to 1 for each minute, made of nothing but the key and the minute."""
    seed = zlib.crc32(key.encode()) % 10_000
    value = np.sin((times // 60) * 78.233 + seed * 12.9898) * 43758.5453
    return (value - np.floor(value)) * 2 - 1


def gpus(node: str, count: int, model: str, memory_mib: int) -> list[Device]:
    return [
        Device(
            node,
            index,
            f"GPU-{zlib.crc32(f'{node}{index}'.encode()):08x}-0000-4000-8000-{index:012x}",
            model,
            memory_mib,
        )
        for index in range(count)
    ]


def cut(gpu: Device, *profiles: str) -> list[Device]:
    """The MIG instances of a GPU."""
    return [
        Device(
            gpu.node,
            gpu.index,
            gpu.uuid,
            gpu.model,
            int(profile.split(".")[1][:-2]) * 1024,
            str(number),
            profile,
            int(profile[0]),
        )
        for number, profile in enumerate(profiles, start=7)
    ]


def lanes(devices: list[Device], *sizes: int, hours: int, works: tuple[Work, ...]) -> list[Lane]:
    """Devices of one node dealt out to lanes of these sizes."""
    dealt, rest = [], devices
    for number, size in enumerate(sizes):
        dealt.append(Lane(devices[0].node, tuple(rest[:size]), hours + number, works))
        rest = rest[size:]
    return dealt


def make_alpha() -> Cluster:
    first, second, third = (gpus(f"alpha-{number}", 8, "NVIDIA H100 80GB HBM3", 81_559) for number in (1, 2, 3))
    return Cluster(
        name="alpha",
        lanes=(
            *lanes(first, 8, hours=22, works=("training",)),
            *lanes(second, 4, 2, 1, 1, hours=9, works=("training", "inference", "notebook")),
            *lanes(third, 2, 2, 2, 2, hours=13, works=("training", "training", "inference", "notebook")),
        ),
        projects=("llm", "vision", "speech"),
        users=("ada", "grace", "linus", "margaret"),
        honors_labels=False,
        exporter_crash=("alpha-3", weekly(2, 14, 17.5)),
        drain=("alpha-2", weekly(4, 6, 9)),
        stowaway=("alpha-2", 7),
    )


def make_beta() -> Cluster:
    first, second = (gpus(f"beta-{number}", 4, "NVIDIA A100-SXM4-80GB", 81_920) for number in (1, 2))
    return Cluster(
        name="beta",
        lanes=(
            *lanes(first[:2], 1, 1, hours=11, works=("training", "notebook")),
            *lanes(
                cut(first[2], "3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"),
                1,
                1,
                1,
                1,
                hours=6,
                works=("inference", "notebook"),
            ),
            *lanes(cut(first[3], "2g.20gb", "2g.20gb", "1g.10gb"), 1, 1, 1, hours=7, works=("inference", "notebook")),
            *lanes(second, 2, 1, 1, hours=15, works=("training", "inference")),
        ),
        projects=("biology", "vision"),
        users=("rosalind", "barbara", "grace"),
        honors_labels=True,
        exporter_crash=("beta-2", weekly(0, 9, 9.5)),
        drain=("beta-2", weekly(3, 6, 8)),
        gap=weekly(6, 2, 5),
    )


CLUSTERS: tuple[Cluster, ...] = (make_alpha(), make_beta())

HISTORY = timedelta(days=7)
