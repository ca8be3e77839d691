import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.policy import Actor
from queries.ids import department_id, node_id, node_pool_id, project_id
from queries.metric_types import TYPES
from queries.scope import Scope
from tests.live import NOW
from tests.metrics_api.acting import act_as
from tests.metrics_api.live import ALPHA, BETA

GIB = 2**30


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


def told(client: TestClient, about: str, kind: str, **asked: Any) -> dict[str, float]:
    """By the names of the groups (or '' where there are none), the value."""
    answer = client.get(f"/api/v1/{about}/telemetry", params={"telemetryType": kind, **asked})
    assert answer.status_code == 200, answer.text
    return {
        "/".join(group.get("name", group["value"]) for group in each.get("groups", [])): float(each["value"])
        for each in answer.json()["values"]
    }


NODES: dict[str, list[float]] = {
    "READY_GPU_NODES": [3],
    "READY_GPUS": [7],
    "TOTAL_GPU_NODES": [3],
    "TOTAL_GPUS": [8],
    "IDLE_ALLOCATED_GPUS": [1.5],
    "FREE_GPUS": [2.5],
    "ALLOCATED_GPUS": [4.5],
    "TOTAL_CPU_CORES": [64],
    "USED_CPU_CORES": [16],
    "ALLOCATED_CPU_CORES": [15],
    "TOTAL_GPU_MEMORY_BYTES": [320 * GIB],
    "USED_GPU_MEMORY_BYTES": [160 * GIB],
    "TOTAL_CPU_MEMORY_BYTES": [400e9],
    "USED_CPU_MEMORY_BYTES": [100e9],
    "ALLOCATED_CPU_MEMORY_BYTES": [29 * GIB],
    "FULLY_FREE_GPU_NODES": [0],
    "GPU_POWER_WATTS": [800],
    "GPU_UTILIZATION": [100 * 3 / 7],
}


def test_each_type_of_nodes_is_what_it_is_by_hand(client: TestClient) -> None:
    assert set(NODES) == set(TYPES["nodes"])
    for kind, expected in NODES.items():
        assert list(told(client, "nodes", kind).values()) == pytest.approx(expected), kind


GROUPED: list[tuple[str, str, str, dict[str, float]]] = [
    ("nodes", "TOTAL_GPUS", "ClusterId", {"alpha": 6, "beta": 2}),
    ("nodes", "TOTAL_GPUS", "Nodepool,Node", {"a100_80gb/alpha-1": 4, "default/alpha-2": 2, "default/beta-1": 2}),
    ("nodes", "READY_GPU_NODES", "Node", {"alpha-1": 1, "alpha-2": 1, "beta-1": 1}),
    ("nodes", "FULLY_FREE_GPU_NODES", "ClusterId", {"alpha": 0, "beta": 0}),
    ("workloads", "WORKLOADS_COUNT", "Phase", {"Running": 4, "Pending": 1}),
    ("workloads", "WORKLOADS_COUNT", "Type,ClusterId", {"Job/alpha": 2, "Job/beta": 1, "Notebook/alpha": 1, "Pod/alpha": 1}),
    ("workloads", "WORKLOADS_COUNT", "Category", {"Train": 4, "Build": 1}),
    ("workloads", "WORKLOADS_COUNT", "CurrentNodepools,ClusterId", {"a100_80gb/alpha": 2, "default/alpha": 1, "default/beta": 1, "(none)/alpha": 1}),
    ("workloads", "GPU_ALLOCATION", "ProjectId,ClusterId", {"a/alpha": 2, "b/alpha": 1.5, "a/beta": 1}),
    ("workloads", "GPU_ALLOCATION", "Phase", {"Running": 4.5}),
    ("workloads", "GPU_UTILIZATION", "ClusterId", {"alpha": 100 * 2 / 3.5, "beta": 100}),
    ("workloads", "PENDING_TIME_DISTRIBUTION", "ProjectId", {"b/3600-14400": 1}),
    ("org-unit/projects", "GPU_ALLOCATION", "ClusterId", {"alpha": 3.5, "beta": 1}),
    ("org-unit/projects", "GPU_ALLOCATION", "NodepoolId,ClusterId", {"a100_80gb/alpha": 3, "default/alpha": 0.5, "default/beta": 1}),
    ("org-unit/projects", "GPU_QUOTA", "ProjectId", {"a": 4}),
    ("org-unit/projects", "CPU_ALLOCATION", "ParentId,ClusterId", {"research/alpha": 11_000, "research/beta": 4000}),
    ("org-unit/projects", "MEMORY_ALLOCATION", "ClusterId", {"alpha": 21 * GIB / 1e6, "beta": 8 * GIB / 1e6}),
    ("org-unit/departments", "GPU_ALLOCATION", "CLUSTER_ID", {"alpha": 3.5, "beta": 1}),
    ("org-unit/departments", "GPU_ALLOCATION", "", {"": 4.5}),
]  # fmt: skip


@pytest.mark.parametrize(("about", "kind", "by", "expected"), GROUPED, ids=lambda each: str(each)[:24])
def test_telemetry_comes_in_groups(
    about: str, kind: str, by: str, expected: dict[str, float], client: TestClient
) -> None:
    assert told(client, about, kind, groupBy=by) == pytest.approx(expected, abs=1e-6)


NARROWED: list[tuple[str, str, dict[str, str], float]] = [
    ("nodes", "TOTAL_GPUS", {"clusterId": BETA}, 2),
    ("nodes", "TOTAL_GPUS", {"nodepoolName": "a100-80gb"}, 4),
    ("nodes", "TOTAL_GPUS", {"nodepoolName": "default", "clusterId": BETA}, 2),
    ("workloads", "WORKLOADS_COUNT", {"filterByPhases": "Running"}, 4),
    ("workloads", "WORKLOADS_COUNT", {"filterByPhases": "WorkloadPhase.PENDING,Running"}, 5),
    ("workloads", "GPU_ALLOCATION", {"filterByPhases": "Pending"}, 0),
    ("workloads", "GPU_ALLOCATION", {"departmentId": department_id("beta", "research")}, 1),
    ("org-unit/projects", "GPU_ALLOCATION", {"nodepoolId": node_pool_id("alpha", "default")}, 0.5),
    ("org-unit/departments", "GPU_QUOTA", {"departmentId": department_id("alpha", "research")}, 4),
]  # fmt: skip


@pytest.mark.parametrize(("about", "kind", "asked", "expected"), NARROWED, ids=lambda each: str(each)[:24])
def test_telemetry_is_narrowed(
    about: str, kind: str, asked: dict[str, str], expected: float, client: TestClient
) -> None:
    assert told(client, about, kind, **asked) == {"": expected}


def test_groups_are_named_and_told_by_id(client: TestClient) -> None:
    asked = {"telemetryType": "GPU_ALLOCATION", "groupBy": "ProjectId,ClusterId", "clusterId": BETA}
    (value,) = client.get("/api/v1/workloads/telemetry", params=asked).json()["values"]
    assert value["groups"] == [
        {"key": "ProjectId", "value": project_id("beta", "a"), "name": "a"},
        {"key": "ClusterId", "value": BETA, "name": "beta"},
    ]
    asked = {"telemetryType": "TOTAL_GPUS", "groupBy": "Node", "clusterId": BETA}
    (value,) = client.get("/api/v1/nodes/telemetry", params=asked).json()["values"]
    assert value["groups"][0]["value"] == node_id("beta", "beta-1")


NOT_KNOWN = "GPU_ALLOCATION_NON_PREEMPTIBLE"


def test_telemetry_is_of_now_and_has_no_rows_where_nothing_is_told(client: TestClient) -> None:
    answer = client.get("/api/v1/org-unit/projects/telemetry", params={"telemetryType": NOT_KNOWN}).json()
    assert answer["values"] == []
    assert answer["warnings"] == [f"{NOT_KNOWN}: only Run:ai's own scheduler knows what is preemptible"]
    assert datetime.fromisoformat(answer["timestamp"]) >= NOW - timedelta(minutes=1)


def test_csv_has_a_row_for_each_group(client: TestClient) -> None:
    asked = {"telemetryType": "TOTAL_GPUS", "groupBy": "ClusterId", "format": "csv"}
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/nodes/telemetry", params=asked).text)))
    first = {"type": "TOTAL_GPUS", "unit": "gpus", "clusterId": ALPHA, "clusterIdName": "alpha", "value": "6"}
    assert rows[0] == first
    empty = client.get(
        "/api/v1/nodes/telemetry", params=asked | {"clusterId": BETA, "telemetryType": "TOTAL_CPU_CORES"}
    )
    assert len(list(csv.DictReader(io.StringIO(empty.text)))) == 0


@pytest.mark.parametrize(
    ("about", "asked", "status", "said"),
    [
        ("nodes", {}, 400, "parameter 'telemetryType' is missing"),
        ("nodes", {"telemetryType": "WORKLOADS_COUNT"}, 400, "unknown type 'WORKLOADS_COUNT' of nodes"),
        (
            "nodes",
            {"telemetryType": "TOTAL_GPUS", "groupBy": "Phase"},
            400,
            "unknown groupBy 'Phase'; there are: ClusterId",
        ),
        ("nodes", {"telemetryType": "TOTAL_GPUS", "groupBy": "Node,Nodepool,ClusterId"}, 400, "groupBy"),
        ("nodes", {"telemetryType": "TOTAL_GPUS", "clusterId": "nowhere"}, 404, "there is no cluster 'nowhere'"),
        ("nodes", {"telemetryType": "TOTAL_GPUS", "nodepoolName": "nowhere"}, 400, "has no such node pool"),
        ("org-unit/projects", {"telemetryType": "GPU_QUOTA", "departmentId": "x"}, 404, "there is no department 'x'"),
    ],
)
def test_what_is_wrong_is_named(about: str, asked: dict[str, str], status: int, said: str, client: TestClient) -> None:
    answer = client.get(f"/api/v1/{about}/telemetry", params=asked)
    assert answer.status_code == status
    assert said in answer.json()["message"]


def test_an_actor_is_told_of_what_it_may_see(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, Actor("of beta", Scope(frozenset({("beta", None)}))))
    assert told(client, "nodes", "TOTAL_GPUS", groupBy="ClusterId") == {"beta": 2}
    assert told(client, "workloads", "WORKLOADS_COUNT", groupBy="ProjectId") == {"a": 1}
    assert told(client, "org-unit/departments", "GPU_ALLOCATION", groupBy="ClusterId") == {"beta": 1}
    act_as(monkeypatch, Actor("of a", Scope(frozenset({("alpha", "a")}))))
    assert told(client, "workloads", "GPU_ALLOCATION", groupBy="ProjectId") == {"a": 2}
    assert told(client, "nodes", "ALLOCATED_CPU_CORES") == {"": 8}
    hidden = client.get("/api/v1/nodes/telemetry", params={"telemetryType": "TOTAL_GPUS", "clusterId": BETA})
    assert hidden.status_code == 404
