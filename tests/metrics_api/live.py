"""The live lake, served: an application that anyone may ask, and how it is asked."""

from typing import Any

from starlette.testclient import TestClient

from queries.ids import cluster_id, department_id, node_id, pod_id, project_id, workload_id
from queries.window import HOUR, format_time
from tests.live import START

ALPHA, BETA = cluster_id("alpha"), cluster_id("beta")
NODE = node_id("alpha", "alpha-1")
TRAIN = workload_id("alpha", "team", "Job", "train")
TRAIN_POD = pod_id("alpha", "team", "train-0")

PATHS = {
    "cluster": f"/api/v1/clusters/{ALPHA}/metrics",
    "node_pool": f"/api/v1/clusters/{ALPHA}/nodepools/a100-80gb/metrics",
    "node": f"/api/v1/nodes/{NODE}/metrics",
    "project": f"/api/v1/org-unit/projects/{project_id('alpha', 'a')}/metrics",
    "department": f"/api/v1/org-unit/departments/{department_id('alpha', 'research')}/metrics",
    "workload": f"/api/v1/workloads/{TRAIN}/metrics",
    "pod": f"/api/v1/workloads/{TRAIN}/pods/{TRAIN_POD}/metrics",
}
"""Where each scope is asked about."""

TWO_HOURS = {"start": format_time(START), "end": format_time(START + 2 * HOUR)}

Series = dict[str, Any]


def series(client: TestClient, path: str, types: str, **asked: Any) -> list[Series]:
    """The series of some types over two hours."""
    answer = client.get(path, params=TWO_HOURS | {"metricType": types, "numberOfSamples": "1"} | asked)
    assert answer.status_code == 200, answer.text
    measurements: list[Series] = answer.json()["measurements"]
    return measurements


def values(client: TestClient, path: str, types: str, **asked: Any) -> dict[str, list[float]]:
    """By type, the values of its series."""
    told: dict[str, list[float]] = {}
    for each in series(client, path, types, **asked):
        told.setdefault(each["type"], []).extend(float(value["value"]) for value in each["values"])
    return told


def grouped(client: TestClient, path: str, kind: str, group_by: str, **asked: Any) -> dict[str, float]:
    """By the names of the group, the one value of a type."""
    found = series(client, path, kind, groupBy=group_by, **asked)
    return {"/".join(group["value"] for group in each["groups"]): float(each["values"][0]["value"]) for each in found}
