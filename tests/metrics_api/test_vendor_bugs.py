"""What Run:ai had to fix in its metrics, by its own list of hotfixes 2.18 to 2.20: each is a test that we do not have it."""

import math
from pathlib import Path

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.ids import node_id, workload_id
from queries.lake import Lake
from queries.measurements import Measurement, known_only
from queries.metric_types import TYPES
from queries.window import HOUR
from tests.live import DAY, NOW, Live, settings_for
from tests.metrics_api.live import ALPHA, PATHS, series, values

GIB = 2**30


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


def of_workload(name: str, kind: str = "Job", cluster: str = "alpha") -> str:
    return f"/api/v1/workloads/{workload_id(cluster, 'team', kind, name)}/metrics"


def served(folder: Path, live: Live) -> TestClient:
    lake = Lake(str(folder))
    lake.create()
    booked = live.book(4, as_of=NOW)
    for hour in DAY.hours():
        lake.replace(hour, booked.of(hour))
    lake.replace_workloads(live.cluster.name, DAY, booked.workloads, NOW)
    return TestClient(create_app(settings_for(folder)))


def test_run_26878_no_value_is_nan(client: TestClient) -> None:
    rows = pa.table({"time": [1, 2, 3, 4], "value": [math.nan, math.inf, None, 0.5]})
    told = known_only(Measurement(TYPES["cluster"]["GPU_UTILIZATION"], (), rows)).rows
    assert told is not None
    assert told["time"].to_pylist() == [4]
    for scope, path in PATHS.items():
        found = values(client, path, ",".join(TYPES[scope]))
        assert all(math.isfinite(value) for told_of in found.values() for value in told_of)


def test_run_26955_a_node_has_no_duplicates(tmp_path: Path) -> None:
    """Two exporters show the same GPU, one under another name of the node."""
    live = Live("alpha")
    live.node("alpha-1", 1)
    live.pod("train-0", "alpha-1", 1, project="a")
    live.gpu_of("alpha-1", 0, 0.5, "train-0")
    live.gpu("GPU-alpha-1-0", "alpha-1", 0.5, pod="train-0")
    client = served(tmp_path, live)
    (found,) = series(
        client, f"/api/v1/nodes/{node_id('alpha', 'alpha-1')}/metrics", "GPU_UTILIZATION_PER_GPU", numberOfSamples=4
    )
    times = [value["timestamp"] for value in found["values"]]
    assert len(times) == len(set(times)) == 4
    assert {value["value"] for value in found["values"]} == {"50"}


@pytest.mark.parametrize("scope", PATHS)
def test_run_27035_no_metric_that_was_asked_for_is_missing(scope: str, client: TestClient) -> None:
    asked = list(TYPES[scope])
    found = client.get(PATHS[scope], params={"start": "2026-01-01", "end": "2026-01-02", "metricType": ",".join(asked)})
    told = found.json()
    assert {each["type"] for each in (*told["measurements"], *told.get("histogram", ()))} == set(asked)


def test_run_24627_the_allocation_of_a_workload_is_not_empty(client: TestClient) -> None:
    allocated = {("train", "Job"): 2, ("note", "Notebook"): 1, ("frac-0", "Pod"): 0.5, ("waits", "Job"): 0}
    for (name, kind), gpus in allocated.items():
        assert values(client, of_workload(name, kind), "GPU_ALLOCATION") == {"GPU_ALLOCATION": [gpus]}


def test_run_28097_a_fraction_of_a_gpu_counts_as_one(client: TestClient) -> None:
    node = f"/api/v1/nodes/{node_id('alpha', 'alpha-2')}/metrics"
    assert values(client, node, "GPU_ALLOCATION") == {"GPU_ALLOCATION": [0.5]}
    assert values(client, node, "GPU_ALLOCATION_PER_GPU") == {"GPU_ALLOCATION_PER_GPU": [0.5, 0]}


@pytest.mark.parametrize("scope", ["node", "pod"])
def test_run_23142_what_is_told_per_gpu_says_of_which(scope: str, client: TestClient) -> None:
    kinds = [name for name, each in TYPES[scope].items() if each.per_gpu]
    found = [each for each in series(client, PATHS[scope], ",".join(kinds)) if each["values"]]
    assert found
    assert all(each["labels"]["gpu"].isdigit() for each in found)


def test_run_27159_memory_is_in_the_unit_that_it_says(client: TestClient) -> None:
    """The exporter tells 40 x 1024 MiB of a GPU."""
    assert (
        values(client, PATHS["node"], "GPU_MEMORY_USAGE_BYTES_PER_GPU")["GPU_MEMORY_USAGE_BYTES_PER_GPU"][0] == 40 * GIB
    )
    query = {"query": "max(runai_gpu_memory_used_mebibytes_per_gpu)"}
    (found,) = client.get("/api/datasources/proxy/1/api/v1/query", params=query).json()["data"]["result"]
    assert found["value"][1] == str(40 * 1024)


def test_run_27514_allocated_memory_is_the_sum_of_what_running_workloads_requested(client: TestClient) -> None:
    """16 + 4 + 1 GiB of alpha; the 128 GiB of what waits are not allocated."""
    asked = {"telemetryType": "ALLOCATED_CPU_MEMORY_BYTES", "clusterId": ALPHA}
    (value,) = client.get("/api/v1/nodes/telemetry", params=asked).json()["values"]
    assert float(value["value"]) == 21 * GIB


def test_run_26355_a_distributed_workload_is_the_sum_of_its_pods(tmp_path: Path) -> None:
    live = Live("alpha")
    for number in (1, 2):
        live.node(f"alpha-{number}", 1)
        live.pod(f"big-{number}", f"alpha-{number}", 1, project="a")
        live.worked_by(f"big-{number}", "PyTorchJob", "big")
        live.gpu_of(f"alpha-{number}", 0, number / 2, f"big-{number}")
    client = served(tmp_path, live)
    types = "GPU_ALLOCATION,GPU_UTILIZATION,POD_COUNT,RUNNING_POD_COUNT"
    assert values(client, of_workload("big", "PyTorchJob"), types) == {
        "GPU_ALLOCATION": [2],
        "GPU_UTILIZATION": [75],
        "POD_COUNT": [2],
        "RUNNING_POD_COUNT": [2],
    }


def test_run_26772_what_is_missing_is_told_as_an_error(client: TestClient) -> None:
    during = {"start": "2026-01-01", "end": "2026-01-02", "metricType": "GPU_UTILIZATION"}
    missing = f"/api/v1/workloads/{workload_id('alpha', 'team', 'Job', 'nothing')}"
    for path, asked in ((f"{missing}/metrics", during), (missing, {}), (f"{missing}/pods", {})):
        answer = client.get(path, params=asked)
        assert answer.status_code == 404
        assert set(answer.json()) == {"code", "message", "details"}


def test_run_26956_what_initializes_counts_as_allocated(tmp_path: Path) -> None:
    """A pod has a node for ten minutes, and does not run yet; another waits for one."""
    live = Live("alpha")
    live.node("alpha-1", 4)
    live.pod("starts-0", "alpha-1", 2, running=0.0, project="a")
    live.pod("waits-0", "", 2, running=0.0, project="a")
    live.gpu_of("alpha-1", 0, 0.0)
    live.lived("starts-0", NOW - HOUR / 2, None, 1, 1)
    live.lived("waits-0", NOW - HOUR / 2, None, 1, 1)
    scheduled = {"namespace": "team", "pod": "starts-0", "uid": "uid-starts-0", "what": "scheduled"}
    live.rows["pod_times"].append(scheduled | {"time": (NOW - HOUR / 6).timestamp()})
    client = served(tmp_path, live)
    found = {each["name"]: each for each in client.get("/api/v1/workloads").json()["workloads"]}
    assert {name: (each["phase"], each["allocatedResources"]["gpu"]) for name, each in found.items()} == {
        "starts-0": ("Initializing", 2),
        "waits-0": ("Pending", 0),
    }
    assert found["starts-0"]["totalPendingTimeSeconds"] == 20 * 60
    by_filter = client.get("/api/v1/workloads", params={"filterBy": "allocatedGPU>=1"}).json()["workloads"]
    assert [each["name"] for each in by_filter] == ["starts-0"]
    waiting = client.get("/api/v1/workloads/telemetry", params={"telemetryType": "PENDING_TIME_DISTRIBUTION"}).json()
    assert [each["value"] for each in waiting["values"]] == ["2"]


def test_run_19904_a_filter_on_allocated_gpus_takes_operators(client: TestClient) -> None:
    """train holds 2 GPUs in alpha and 1 in beta, note 1, frac a half, waits none."""
    found = {
        text: sorted(
            each["name"] for each in client.get("/api/v1/workloads", params={"filterBy": text}).json()["workloads"]
        )
        for text in ("allocatedGPU>=1", "allocatedGPU<=0.5", "allocatedGPU==0.5", "allocatedGPU!=1")
    }
    assert found == {
        "allocatedGPU>=1": ["note", "train", "train"],
        "allocatedGPU<=0.5": ["frac-0", "waits"],
        "allocatedGPU==0.5": ["frac-0"],
        "allocatedGPU!=1": ["frac-0", "train", "waits"],
    }
