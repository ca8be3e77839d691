"""A week of a real cluster, with a real outage: node capacity and pod requests only, so what is held and what is free.

The data lies beside a checkout where it is developed (``../shared/data/helios-earth``, with its licence and its
README); without it, these tests are skipped. It knows no utilization, and none may be made up.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from collectors.collect import collect
from collectors.prometheus import Prometheus
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Asker, Question
from queries.scope import EVERYTHING
from queries.settings import Cluster
from queries.window import Window
from tests.conftest import ROOT
from tests.servers import feed, prometheus

DATA = ROOT.parent / "shared/data/helios-earth/earth_6vc_2020-05-08_7d.parquet"

pytestmark = pytest.mark.skipif(not DATA.is_file(), reason="the Helios data is not beside this checkout")

WEEK = Window(datetime(2020, 5, 8, tzinfo=UTC), datetime(2020, 5, 15, tzinfo=UTC))
OUTAGE = datetime(2020, 5, 10, tzinfo=UTC)

ALLOCATED_GPU_HOURS = 4_962.566667
SHARE_OF_CAPACITY = 0.26374185
SHARE_OF_KNOWN_CAPACITY = 0.30770

GPUS_PER_NODE = 8


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, Path]:
    """A Prometheus storage for each day."""
    folder = tmp_path_factory.mktemp("helios")
    data = pd.read_parquet(DATA)
    found = {}
    for day, rows in data.groupby(data["time"].dt.floor("D")):
        start = day.to_pydatetime().replace(tzinfo=UTC)
        found[start] = folder / f"{start:%Y-%m-%d}"
        feed(found[start], "".join(pages_of(rows)))
    return found


def pages_of(rows: pd.DataFrame) -> Iterator[str]:
    """One day in OpenMetrics: nodes of eight GPUs, quotas and queues, and a pod of one GPU in each slot that was used."""
    families: dict[str, list[str]] = {}

    def add(name: str, labels: str, values: np.ndarray, times: np.ndarray) -> None:
        lines = families.setdefault(name, [])
        lines += [
            f'{name}{{{labels},job="kube-state-metrics"}} {value} {time}\n'
            for value, time in zip(values, times, strict=True)
        ]

    for vc, own in rows.groupby("vc"):
        times = own["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
        total, running = own["total_gpu_num"].to_numpy(), own["running_gpu_num"].to_numpy()
        for node in range(total[0] // GPUS_PER_NODE):
            labels = f'node="{vc}-{node}",resource="nvidia_com_gpu",unit="integer"'
            add("kube_node_status_allocatable", labels, np.full(len(times), GPUS_PER_NODE), times)
        quota = f'namespace="{vc}",resourcequota="gpus",resource="requests.nvidia.com/gpu"'
        add("kube_resourcequota", f'{quota},type="hard"', total, times)
        add("kube_resourcequota", f'{quota},type="used"', running, times)
        queue = f'cluster_queue="{vc}"'
        add("kueue_pending_workloads", f'{queue},status="active"', own["pending_gpujob_num"].to_numpy(), times)
        add("kueue_admitted_active_workloads", queue, own["running_gpujob_num"].to_numpy(), times)
        for slot in range(running.max()):
            name, used = f"{vc}-{slot // GPUS_PER_NODE}", times[slot < running]
            pod = f'namespace="{vc}",pod="{vc}-{slot}",uid="{vc}-{slot}"'
            one = np.ones(len(used), int)
            add("kube_pod_info", f'{pod},node="{name}"', one, used)
            add("kube_pod_status_phase", f'{pod},phase="Running"', one, used)
            labels = f'{pod},node="{name}",container="main",resource="nvidia_com_gpu",unit="integer"'
            add("kube_pod_container_resource_requests", labels, one, used)
    for name, lines in families.items():
        yield f"# TYPE {name} gauge\n"
        yield "".join(lines)
    yield "# EOF\n"


def collected(days: list[Path], folder: Path) -> Asker:
    """Serve these days from one real Prometheus, collect the week, and be ready to ask."""
    for day in days:
        shutil.copytree(day, folder / "prometheus", dirs_exist_ok=True)
    lake = Lake(str(folder / "lake"))
    lake.create()
    with prometheus(folder) as server:
        cluster = Cluster(name="earth", prometheus=server.url)
        later = WEEK.end + timedelta(hours=1)
        done = list(collect(Prometheus(cluster), lake, WEEK.hours(), at_once=24, clock=lambda: later))
    assert len(done) == 168
    return Asker(Engine(lake), EVERYTHING, ["earth"], later)


@pytest.fixture(scope="module")
def week(days: dict[datetime, Path], tmp_path_factory: pytest.TempPathFactory) -> Asker:
    return collected(list(days.values()), tmp_path_factory.mktemp("week"))


def test_the_week_is_booked_to_the_minute(week: Asker) -> None:
    (total,) = week.ledger(Question(WEEK)).rows.to_pylist()
    assert total["allocated_gpu_hours"] == pytest.approx(ALLOCATED_GPU_HOURS, abs=1e-6)
    assert total["gpu_allocation_ratio"] == pytest.approx(SHARE_OF_CAPACITY, abs=1e-6)
    assert total["held_seconds"] == pytest.approx(ALLOCATED_GPU_HOURS * 3600, abs=1e-2)
    assert total["free_seconds"] == pytest.approx(total["capacity_seconds"] - total["held_seconds"], abs=1e-6)
    for never in ("busy_seconds", "idle_seconds", "unattributed_seconds", "unknown_seconds", "measured_seconds"):
        assert total[never] == 0
    assert total["energy_joules"] is None


def test_each_virtual_cluster_has_the_hours_of_the_data(week: Asker) -> None:
    data = pd.read_parquet(DATA)
    truth = data.groupby("vc")["running_gpu_num"].sum() / 60
    booked = {
        row["project"]: row["allocated_gpu_hours"]
        for row in week.ledger(Question(WEEK, by=("project",))).rows.to_pylist()
    }
    for vc, hours in truth[truth > 0].items():
        assert booked[vc] == pytest.approx(hours, abs=1e-6)


def test_a_day_without_series_is_unknown_and_not_idle(days: dict[datetime, Path], tmp_path: Path) -> None:
    asker = collected([path for day, path in days.items() if day != OUTAGE], tmp_path)
    (total,) = asker.ledger(Question(WEEK)).rows.to_pylist()
    assert total["allocated_gpu_hours"] == pytest.approx(ALLOCATED_GPU_HOURS, abs=1e-6)
    assert total["gpu_allocation_ratio"] == pytest.approx(0.26374, abs=5e-6)
    assert total["gpu_allocation_of_known_ratio"] == pytest.approx(SHARE_OF_KNOWN_CAPACITY, abs=5e-6)
    by_day = {row["time"].date(): row for row in asker.ledger(Question(WEEK, timedelta(days=1))).rows.to_pylist()}
    outage = by_day[OUTAGE.date()]
    assert outage["unknown_seconds"] == pytest.approx(112 * 86_400)
    assert outage["capacity_seconds"] == pytest.approx(112 * 86_400)
    assert all(row["unknown_seconds"] == 0 for day, row in by_day.items() if day != OUTAGE.date())
