import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.policy import Actor
from queries.ids import cluster_id, node_id, pod_id, project_id, workload_id
from queries.lake import Lake
from queries.metric_types import TYPES
from queries.scope import Scope
from queries.window import HOUR, format_time
from tests import served
from tests.live import DAY, NOW, START, alpha, fill, settings_for
from tests.metrics_api.acting import act_as
from tests.metrics_api.live import ALPHA, BETA, NODE, PATHS, TRAIN, TRAIN_POD, TWO_HOURS, grouped, series, values

GIB = 2**30


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


OF_ONE: dict[str, dict[str, float | None]] = {
    "cluster": {
        "ALLOCATED_GPU": 3.5,
        "AVG_WORKLOAD_WAIT_TIME": 200,
        "CPU_MEMORY_UTILIZATION": 25,
        "CPU_UTILIZATION": 25,
        "GPU_ALLOCATION": 3.5,
        "GPU_ENERGY_JOULES": 6 * 100 * 7200,
        "GPU_MEMORY_USAGE_BYTES": 160 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 600,
        "GPU_QUOTA": 4,
        "GPU_UTILIZATION": 40,
        "TOTAL_GPU": 6,
        "TOTAL_GPU_NODES": 2,
        "UNALLOCATED_GPU": 2.5,
        "WORKLOADS_COUNT": 3,
    },
    "node_pool": {
        "ALLOCATED_GPU": 3,
        "AVG_WORKLOAD_WAIT_TIME": 300,
        "CPU_MEMORY_UTILIZATION": 25,
        "CPU_UTILIZATION": 25,
        "GPU_ALLOCATION": 3,
        "GPU_ENERGY_JOULES": 4 * 100 * 7200,
        "GPU_MEMORY_USAGE_BYTES": 160 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 400,
        "GPU_QUOTA": None,
        "GPU_UTILIZATION": 37.5,
        "TOTAL_GPU": 4,
        "TOTAL_GPU_NODES": 1,
        "UNALLOCATED_GPU": 1,
        "WORKLOADS_COUNT": 2,
    },
    "node": {
        "CPU_MEMORY_USAGE_BYTES": 100e9,
        "CPU_MEMORY_UTILIZATION": 25,
        "CPU_USAGE_CORES": 16,
        "CPU_UTILIZATION": 25,
        "GPU_ALLOCATION": 3,
        "GPU_ENERGY_JOULES": 4 * 100 * 7200,
        "GPU_MEMORY_USAGE_BYTES": 160 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 400,
        "GPU_UTILIZATION": 37.5,
        "NVLINK_BANDWIDTH_TOTAL": 28e9,
        "TOTAL_GPU": 4,
        "UNALLOCATED_GPU": 1,
    },
    "project": {
        "CPU_ALLOCATION_MILLICORES": 8000,
        "CPU_MEMORY_ALLOCATION_MB": 16 * GIB / 1e6,
        "CPU_MEMORY_QUOTA_MB": None,
        "CPU_MEMORY_USAGE_BYTES": 12e9,
        "CPU_QUOTA_MILLICORES": None,
        "CPU_USAGE_CORES": 3.5,
        "GPU_ALLOCATION": 2,
        "GPU_ENERGY_JOULES": 2 * 100 * 7200,
        "GPU_MEMORY_USAGE_BYTES": 80 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 200,
        "GPU_QUOTA": 4,
        "GPU_UTILIZATION": 75,
        "WORKLOADS_COUNT": 1,
    },
    "department": {
        "CPU_ALLOCATION_MILLICORES": 11_000,
        "CPU_MEMORY_ALLOCATION_MB": 21 * GIB / 1e6,
        "CPU_MEMORY_QUOTA_MB": None,
        "CPU_MEMORY_USAGE_BYTES": 12e9,
        "CPU_QUOTA_MILLICORES": None,
        "CPU_USAGE_CORES": 3.5,
        "GPU_ALLOCATION": 3.5,
        "GPU_ENERGY_JOULES": 3.5 * 100 * 7200,
        "GPU_MEMORY_USAGE_BYTES": 120 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 350,
        "GPU_QUOTA": 4,
        "GPU_UTILIZATION": 100 * 2 / 3.5,
        "WORKLOADS_COUNT": 3,
    },
    "workload": {
        "CPU_LIMIT_CORES": None,
        "CPU_MEMORY_LIMIT_BYTES": None,
        "CPU_MEMORY_REQUEST_BYTES": 16 * GIB,
        "CPU_MEMORY_USAGE_BYTES": 12e9,
        "CPU_REQUEST_CORES": 8,
        "CPU_USAGE_CORES": 3.5,
        "GPU_ALLOCATION": 2,
        "GPU_ENERGY_JOULES": 2 * 100 * 7200,
        "GPU_MEMORY_REQUEST_BYTES": None,
        "GPU_MEMORY_USAGE_BYTES": 80 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 200,
        "GPU_UTILIZATION": 75,
        "NVLINK_BANDWIDTH_TOTAL": 14e9,
        "POD_COUNT": 1,
        "RUNNING_POD_COUNT": 1,
    },
    "pod": {
        "CPU_MEMORY_USAGE_BYTES": 12e9,
        "CPU_USAGE_CORES": 3.5,
        "GPU_ALLOCATION": 2,
        "GPU_ENERGY_JOULES": 2 * 100 * 7200,
        "GPU_MEMORY_USAGE_BYTES": 80 * GIB,
        "GPU_MEMORY_UTILIZATION": 50,
        "GPU_POWER_WATTS": 200,
        "GPU_UTILIZATION": 75,
        "NVLINK_BANDWIDTH_TOTAL": 14e9,
    },
}
"""By scope, the types with one series, and its value over two hours; None where it is empty."""

PER_GPU: dict[str, list[float]] = {
    "GPU_ALLOCATION_PER_GPU": [1, 1, 1, 0],
    "GPU_FP16_ENGINE_ACTIVITY_PER_GPU": [0.375] * 4,
    "GPU_FP32_ENGINE_ACTIVITY_PER_GPU": [0.0625] * 4,
    "GPU_FP64_ENGINE_ACTIVITY_PER_GPU": [0] * 4,
    "GPU_GRAPHICS_ENGINE_ACTIVITY_PER_GPU": [0.5, 1, 0, 0],
    "GPU_IDLE_TIME_SECONDS_PER_GPU": [0, 0, 7200, 7200],
    "GPU_MEMORY_ALLOCATION_BYTES_PER_GPU": [80 * GIB, 80 * GIB, 80 * GIB, 0],
    "GPU_MEMORY_BANDWIDTH_UTILIZATION_PER_GPU": [0.5] * 4,
    "GPU_MEMORY_USAGE_BYTES_PER_GPU": [40 * GIB] * 4,
    "GPU_MEMORY_UTILIZATION_PER_GPU": [50] * 4,
    "GPU_NVLINK_RECEIVED_BANDWIDTH_PER_GPU": [4e9] * 4,
    "GPU_NVLINK_TRANSMITTED_BANDWIDTH_PER_GPU": [3e9] * 4,
    "GPU_OOMKILL_BURST_COUNT_PER_GPU": [],
    "GPU_OOMKILL_IDLE_COUNT_PER_GPU": [],
    "GPU_OOMKILL_SWAP_OUT_OF_RAM_COUNT_PER_GPU": [],
    "GPU_PCIE_RECEIVED_BANDWIDTH_PER_GPU": [2e9] * 4,
    "GPU_PCIE_TRANSMITTED_BANDWIDTH_PER_GPU": [1e9] * 4,
    "GPU_POWER_WATTS_PER_GPU": [100] * 4,
    "GPU_SM_ACTIVITY_PER_GPU": [0.6] * 4,
    "GPU_SM_OCCUPANCY_PER_GPU": [0.25] * 4,
    "GPU_SWAP_MEMORY_BYTES_PER_GPU": [],
    "GPU_TEMPERATURE_CELSIUS_PER_GPU": [],
    "GPU_TENSOR_ACTIVITY_PER_GPU": [0.125] * 4,
    "GPU_UTILIZATION_PER_GPU": [50, 100, 0, 0],
    "NVLINK_BANDWIDTH_TOTAL_PER_GPU": [7e9] * 4,
}
"""Of the four GPUs of alpha-1, of which the pod holds the first two."""


@pytest.mark.parametrize("scope", OF_ONE)
def test_each_type_of_each_scope_is_what_it_is_by_hand(scope: str, client: TestClient) -> None:
    """All types of a scope in one call: Run:ai's clients have to ask for ten at a time."""
    several = {"GPU_UTILIZATION_DISTRIBUTION"} | {name for name, kind in TYPES[scope].items() if kind.per_gpu}
    from_servers = {name for name in TYPES[scope] if name.startswith("NIM_")}
    assert set(TYPES[scope]) - several - from_servers == set(OF_ONE[scope])
    told = values(client, PATHS[scope], ",".join(TYPES[scope]))
    expected = {name: [] if value is None else [value] for name, value in OF_ONE[scope].items()}
    assert {name: told[name] for name in expected} == {
        name: [pytest.approx(value, abs=1e-6) for value in found] for name, found in expected.items()
    }


@pytest.mark.parametrize(("scope", "count"), [("node", 4), ("pod", 2)])
def test_each_type_per_gpu_has_a_series_for_each_with_its_index_as_label(
    scope: str, count: int, client: TestClient
) -> None:
    kinds = [name for name, kind in TYPES[scope].items() if kind.per_gpu]
    found = series(client, PATHS[scope], ",".join(kinds))
    for kind in kinds:
        own = [each for each in found if each["type"] == kind]
        expected = PER_GPU[kind][:count]
        assert [float(each["values"][0]["value"]) for each in own if each["values"]] == pytest.approx(expected)
        indexes = [{"gpu": str(index), "uuid": f"GPU-alpha-1-{index}"} for index in range(count)]
        assert [each["labels"] for each in own] == (indexes if expected else [None])


def test_the_distribution_of_utilization_counts_each_measured_gpu_once(client: TestClient) -> None:
    """0.5 and 0.5, 1, 0 and 0; that of the broken GPU is not known."""
    found = series(client, PATHS["cluster"], "GPU_UTILIZATION_DISTRIBUTION")
    bands = {each["labels"]["band"]: float(each["values"][0]["value"]) for each in found}
    assert bands == {"0-10": 2, "50-60": 2, "90-100": 1}


GROUPED: list[tuple[str, str, dict[str, float]]] = [
    ("ALLOCATED_GPU", "Project", {"a": 2, "b": 1.5, "(none)": 0}),
    ("ALLOCATED_GPU", "Nodepool", {"a100_80gb": 3, "default": 0.5}),
    ("ALLOCATED_GPU", "Category", {"Train": 2.5, "Build": 1, "(none)": 0}),
    ("ALLOCATED_GPU", "Department", {"research": 3.5, "(none)": 0}),
    ("TOTAL_GPU", "Project", {"a": 2, "b": 1.5, "(none)": 2.5}),
    ("GPU_UTILIZATION", "Project", {"a": 75, "b": 100 / 3}),
    ("GPU_UTILIZATION", "Category", {"Train": 80, "Build": 0}),
    ("GPU_UTILIZATION", "Nodepool", {"a100_80gb": 37.5, "default": 50}),
    ("GPU_POWER_WATTS", "Project", {"a": 200, "b": 150, "(none)": 250}),
    ("WORKLOADS_COUNT", "Category", {"Train": 2, "Build": 1}),
    ("WORKLOADS_COUNT", "Project", {"a": 1, "b": 2}),
    ("TOTAL_GPU_NODES", "Nodepool", {"a100_80gb": 1, "default": 1}),
    (
        "ALLOCATED_GPU",
        "Project,Nodepool",
        {"a/a100_80gb": 2, "b/a100_80gb": 1, "b/default": 0.5, "(none)/a100_80gb": 0, "(none)/default": 0},
    ),
]


@pytest.mark.parametrize(("kind", "by", "expected"), GROUPED, ids=lambda each: str(each)[:30])
def test_a_cluster_is_told_in_groups(kind: str, by: str, expected: dict[str, float], client: TestClient) -> None:
    assert grouped(client, PATHS["cluster"], kind, by) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("by", ["Category", "Nodepool", "Project", "Department", "Cluster", "Node", "User", "GpuModel"])
@pytest.mark.parametrize(
    ("kind", "column", "scale"),
    [("ALLOCATED_GPU", "allocated_gpu_hours", 2), ("GPU_ENERGY_JOULES", "energy_joules", 1)],
)
def test_groups_add_up_to_what_the_ledger_says(
    by: str, kind: str, column: str, scale: float, client: TestClient
) -> None:
    asked = TWO_HOURS | {"envelope": "false", "where": "cluster==alpha"}
    (row,) = client.get("/api/v1/ledger", params=asked).json()
    groups = grouped(client, PATHS["cluster"], kind, by)
    assert sum(groups.values()) * scale == pytest.approx(row[column])


def test_several_clusters_are_told_together_or_apart(client: TestClient) -> None:
    both = f"/api/v1/clusters/{ALPHA},{BETA}/metrics"
    assert values(client, both, "TOTAL_GPU,ALLOCATED_GPU") == {"TOTAL_GPU": [8], "ALLOCATED_GPU": [4.5]}
    every = "/api/v1/clusters/all/metrics"
    assert grouped(client, every, "ALLOCATED_GPU", "Cluster") == {"alpha": 3.5, "beta": 1}
    assert grouped(client, every, "ALLOCATED_GPU", "Cluster,Project") == pytest.approx(
        {"alpha/a": 2, "alpha/b": 1.5, "alpha/(none)": 0, "beta/a": 1, "beta/(none)": 0}
    )


def test_a_node_pool_narrows_clusters_and_projects(client: TestClient) -> None:
    for name in ("default", "a100_80gb", "a100-80gb"):
        expected = {"default": [0.5], "a100_80gb": [3], "a100-80gb": [3]}[name]
        assert values(client, PATHS["cluster"], "ALLOCATED_GPU", nodepoolName=name) == {"ALLOCATED_GPU": expected}
    b = f"/api/v1/org-unit/projects/{project_id('alpha', 'b')}/metrics"
    assert values(client, b, "GPU_ALLOCATION", nodepoolName="default") == {"GPU_ALLOCATION": [0.5]}


def test_names_of_types_come_in_any_case_with_their_class_and_repeated(client: TestClient) -> None:
    for types in ("MetricsType.TOTAL_GPU,total_gpu", ["TOTAL_GPU", "metricstype.Total_Gpu"]):
        answer = client.get(PATHS["cluster"], params=TWO_HOURS | {"metricType": types, "numberOfSamples": "1"})
        assert [each["type"] for each in answer.json()["measurements"]] == ["TOTAL_GPU"]


def test_samples_are_as_many_as_asked_and_evenly_spaced(client: TestClient) -> None:
    (found,) = series(client, PATHS["cluster"], "TOTAL_GPU", numberOfSamples=8)
    times = [datetime.fromisoformat(value["timestamp"]) for value in found["values"]]
    assert times == [START + number * timedelta(minutes=15) for number in range(8)]
    assert all(value["timestamp"].endswith("Z") for value in found["values"])
    (by_default,) = series(client, PATHS["cluster"], "TOTAL_GPU", numberOfSamples="0")
    assert len(by_default["values"]) == 20


def test_there_are_no_more_samples_than_are_kept(client: TestClient) -> None:
    asked = {"start": format_time(START), "end": format_time(START + timedelta(minutes=10)), "numberOfSamples": 1000}
    (found,) = series(client, PATHS["cluster"], "TOTAL_GPU", **asked)
    assert len(found["values"]) == 10


def test_a_time_without_an_offset_is_utc(client: TestClient) -> None:
    naive = {name: time.removesuffix("Z") for name, time in TWO_HOURS.items()}
    east = {name: time.replace("Z", "+00:00") for name, time in TWO_HOURS.items()}
    assert series(client, PATHS["cluster"], "TOTAL_GPU", **naive) == series(
        client, PATHS["cluster"], "TOTAL_GPU", **east
    )


def test_values_are_texts_and_what_is_not_known_is_left_out(client: TestClient) -> None:
    asked = {"start": format_time(START - HOUR), "end": format_time(START + HOUR), "numberOfSamples": "2"}
    answer = client.get(PATHS["cluster"], params=asked | {"metricType": "GPU_UTILIZATION,TOTAL_GPU"})
    for each in answer.json()["measurements"]:
        assert [value["timestamp"] for value in each["values"]] == [format_time(START)]
        assert all(isinstance(value["value"], str) for value in each["values"])
    assert "NaN" not in answer.text


def test_what_was_not_collected_makes_it_partial(client: TestClient) -> None:
    asked = {"start": format_time(START - HOUR), "end": format_time(START + HOUR), "metricType": "TOTAL_GPU"}
    answer = client.get(PATHS["cluster"], params=asked)
    assert answer.status_code == 207
    assert answer.json()["warnings"] == ["cluster alpha: 1 of 2 hours were not collected, and are missing"]
    as_csv = client.get(PATHS["cluster"], params=asked | {"format": "csv"})
    assert (as_csv.status_code, as_csv.headers["X-Warnings"]) == (200, answer.json()["warnings"][0])


def test_a_cluster_that_is_late_makes_partial_what_is_asked_of_it_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Of alpha, the last hours are missing; beta is complete."""
    folder = tmp_path_factory.mktemp("late")
    fill(folder)
    other = tmp_path_factory.mktemp("other")
    lake = Lake(str(other))
    lake.create()
    booked = alpha().book(2)
    for hour in list(DAY.hours())[:2]:
        lake.replace(hour, booked.of(hour))
    late = TestClient(create_app(settings_for(other)))
    asked = {"start": format_time(START), "end": format_time(NOW), "metricType": "TOTAL_GPU", "numberOfSamples": "1"}
    answer = late.get(PATHS["cluster"], params=asked)
    assert answer.status_code == 207
    assert "collected until" in answer.json()["warnings"][0]
    assert late.get(PATHS["cluster"], params=asked | {"end": format_time(START + HOUR)}).status_code == 200


def test_a_type_without_an_open_source_is_empty_and_says_why(client: TestClient) -> None:
    types = "GPU_UTILIZATION,NIM_NUM_REQUESTS_RUNNING,NIM_TIME_TO_FIRST_TOKEN_SECONDS"
    answer = client.get(PATHS["workload"], params=TWO_HOURS | {"metricType": types})
    told = answer.json()
    assert answer.status_code == 200
    assert told["measurements"][1] == {"type": "NIM_NUM_REQUESTS_RUNNING", "labels": None, "values": []}
    assert told["histogram"] == [{"type": "NIM_TIME_TO_FIRST_TOKEN_SECONDS", "values": []}]
    assert told["warnings"] == [
        "NIM_NUM_REQUESTS_RUNNING: what inference servers export is not collected",
        "NIM_TIME_TO_FIRST_TOKEN_SECONDS: what inference servers export is not collected",
    ]


def test_what_a_group_does_not_have_is_said(client: TestClient) -> None:
    answer = client.get(PATHS["cluster"], params=TWO_HOURS | {"metricType": "CPU_UTILIZATION", "groupBy": "Project"})
    assert answer.json()["measurements"] == [{"type": "CPU_UTILIZATION", "labels": None, "groups": [], "values": []}]
    assert answer.json()["warnings"] == ["CPU_UTILIZATION: is not known by project"]


def test_only_clusters_have_groups_and_only_workloads_and_pods_histograms(client: TestClient) -> None:
    for scope, path in PATHS.items():
        told = client.get(path, params=TWO_HOURS | {"metricType": "GPU_UTILIZATION"}).json()
        assert ("groups" in told["measurements"][0]) == (scope == "cluster")
        assert ("histogram" in told) == (scope in ("workload", "pod"))


def test_csv_has_a_row_for_each_value(client: TestClient) -> None:
    asked = TWO_HOURS | {"metricType": "GPU_UTILIZATION_PER_GPU,GPU_POWER_WATTS", "numberOfSamples": "2"}
    answer = client.get(PATHS["node"], params=asked, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 4 * 2 + 2
    first = {"type": "GPU_UTILIZATION_PER_GPU", "unit": "percent", "gpu": "0", "uuid": "GPU-alpha-1-0"}
    assert rows[0] == first | {"timestamp": TWO_HOURS["start"], "value": "50"}
    assert rows[-1]["gpu"] == ""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"metricType": "GPU_UTILISATION"},
            "unknown type 'GPU_UTILISATION' of cluster; did you mean 'GPU_UTILIZATION'?",
        ),
        ({}, "parameter 'metricType' is missing"),
        ({"metricType": "TOTAL_GPU", "start": ""}, "start: '' is not a time"),
        ({"metricType": "TOTAL_GPU", "start": "2100-01-01"}, "end"),
        (
            {"metricType": "TOTAL_GPU", "groupBy": "Colour"},
            "groupBy: unknown groupBy 'Colour'; there are: Category, Nodepool",
        ),
        ({"metricType": "TOTAL_GPU", "numberOfSamples": "-1"}, "numberOfSamples = '-1'"),
        ({"metricType": "TOTAL_GPU", "numberOfSamples": "many"}, "numberOfSamples = 'many'"),
        ({"metricType": "TOTAL_GPU", "samples": "1"}, "unknown parameter 'samples'"),
        (
            {"metricType": "TOTAL_GPU", "nodepoolName": "x' or 1=1"},
            'nodepoolName = "x\' or 1=1": alpha has no such node pool',
        ),
    ],
)
def test_what_is_wrong_is_named(asked: dict[str, str], said: str, client: TestClient) -> None:
    answer = client.get(PATHS["cluster"], params=TWO_HOURS | asked)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert said in answer.json()["message"]


HOSTILE = ["x", "' or 1=1 --", "..%2f..%2fetc", "0" * 32, "f" * 36, "-" * 36, "%00", cluster_id("gamma"), "é" * 20]


@pytest.mark.parametrize("identifier", HOSTILE)
@pytest.mark.parametrize("scope", [scope for scope in PATHS if scope != "node_pool"])
def test_what_there_is_not_is_not_found(scope: str, identifier: str, client: TestClient) -> None:
    before, _, after = PATHS[scope].rpartition("/metrics")[0].rpartition("/")
    answer = client.get(f"{before}/{identifier}/metrics", params=TWO_HOURS | {"metricType": "GPU_UTILIZATION"})
    assert after
    assert answer.status_code == 404
    assert set(answer.json()) <= {"code", "message", "details"}


def test_ids_are_read_in_any_case(client: TestClient) -> None:
    assert values(client, f"/api/v1/nodes/{NODE.upper()}/metrics", "TOTAL_GPU") == {"TOTAL_GPU": [4]}


def test_a_pod_belongs_to_its_workload(client: TestClient) -> None:
    other = workload_id("alpha", "team", "Notebook", "note")
    path = f"/api/v1/workloads/{other}/pods/{pod_id('alpha', 'team', 'train-0')}/metrics"
    assert client.get(path, params=TWO_HOURS | {"metricType": "GPU_UTILIZATION"}).status_code == 404


def test_a_workload_that_only_waits_is_found(client: TestClient) -> None:
    path = f"/api/v1/workloads/{workload_id('alpha', 'team', 'Job', 'waits')}/metrics"
    told = values(client, path, "GPU_ALLOCATION,CPU_REQUEST_CORES,GPU_UTILIZATION")
    assert told == {"GPU_ALLOCATION": [0], "CPU_REQUEST_CORES": [0], "GPU_UTILIZATION": []}


def test_the_same_answer_has_the_same_etag_and_is_not_sent_twice(client: TestClient) -> None:
    asked = TWO_HOURS | {"metricType": "TOTAL_GPU"}
    etag = client.get(PATHS["cluster"], params=asked).headers["ETag"]
    again = client.get(PATHS["cluster"], params=asked, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_an_actor_sees_its_own_project_of_a_cluster(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, Actor("of a", Scope(frozenset({("alpha", "a")}))))
    assert values(client, PATHS["cluster"], "TOTAL_GPU,WORKLOADS_COUNT") == {"TOTAL_GPU": [2], "WORKLOADS_COUNT": [1]}
    assert values(client, "/api/v1/clusters/all/metrics", "TOTAL_GPU") == {"TOTAL_GPU": [2]}
    asked = TWO_HOURS | {"metricType": "TOTAL_GPU"}
    hidden = [
        f"/api/v1/clusters/{BETA}/metrics",
        f"/api/v1/nodes/{node_id('alpha', 'alpha-2')}/metrics",
        f"/api/v1/clusters/{ALPHA}/nodepools/default/metrics",
        f"/api/v1/org-unit/projects/{project_id('alpha', 'b')}/metrics",
        f"/api/v1/workloads/{workload_id('alpha', 'team', 'Notebook', 'note')}/metrics",
        f"/api/v1/workloads/{TRAIN}/pods/{pod_id('alpha', 'team', 'note-0')}/metrics",
    ]
    assert {client.get(path, params=asked).status_code for path in hidden} == {404}


def test_a_hostile_name_stays_a_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    served.fill(folder)
    client = TestClient(create_app(served.settings_for(folder, "off")))
    asked: dict[str, Any] = {"start": "2025-03-03T00:00:00Z", "end": "2025-03-03T04:00:00Z", "numberOfSamples": "1"}
    path = f"/api/v1/org-unit/projects/{project_id('beta', served.HOSTILE)}/metrics"
    assert values(client, path, "GPU_ALLOCATION", **asked) == {"GPU_ALLOCATION": [1]}
    every = f"/api/v1/clusters/{cluster_id('beta')}/metrics"
    assert served.HOSTILE in grouped(client, every, "ALLOCATED_GPU", "Project", **asked)
    table = client.get(
        every, params=asked | {"metricType": "ALLOCATED_GPU", "groupBy": "Project", "format": "csv"}
    ).text
    assert "'=HYPERLINK" in table


def test_a_time_within_a_second_is_answered(client: TestClient) -> None:
    asked = {"start": "2026-01-01T00:00:00.1Z", "end": "2026-01-01T00:00:00.9Z", "metricType": "TOTAL_GPU"}
    assert client.get(PATHS["cluster"], params=asked).status_code in (200, 207)


def test_servers_have_throughput_and_latency_that_no_open_source_tells(client: TestClient) -> None:
    asked = TWO_HOURS | {"metricType": "InferenceWorkloadMetricType.THROUGHPUT,LATENCY"}
    for path in (f"inferences/{TRAIN}", f"inferences/{TRAIN}/pods/{TRAIN_POD}"):
        told = client.get(f"/api/v1/workloads/{path}/metrics", params=asked).json()
        assert [each["values"] for each in told["measurements"]] == [[], []]
        assert told["warnings"][0] == "THROUGHPUT: what inference servers export is not collected"


def test_what_holds_nothing_has_zero_and_not_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A project of which only the quota is known; its energy is known to be zero, its utilization is not known."""
    folder = tmp_path_factory.mktemp("quota")
    live = alpha()
    live.quota("c", 3.0)
    lake = Lake(str(folder))
    lake.create()
    booked = live.book(4, as_of=NOW)
    for hour in DAY.hours():
        lake.replace(hour, booked.of(hour))
    client = TestClient(create_app(settings_for(folder)))
    path = f"/api/v1/org-unit/projects/{project_id('alpha', 'c')}/metrics"
    types = "GPU_ALLOCATION,GPU_ENERGY_JOULES,GPU_POWER_WATTS,GPU_QUOTA,GPU_UTILIZATION"
    together = values(client, path, types)
    assert together == {
        "GPU_ALLOCATION": [0],
        "GPU_ENERGY_JOULES": [0],
        "GPU_POWER_WATTS": [0],
        "GPU_QUOTA": [3],
        "GPU_UTILIZATION": [],
    }
    assert together == {name: values(client, path, name)[name] for name in types.split(",")}
