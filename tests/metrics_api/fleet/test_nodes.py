"""Nodes, of the lake of tests/live.py, and of one that knows less of them."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.policy import Actor
from queries.ids import cluster_id, node_id
from queries.lake import Lake
from queries.scope import Scope
from queries.window import format_time
from tests.live import DAY, NOW, START, Live, settings_for
from tests.metrics_api.acting import act_as

NODES = "/api/v1/nodes"


def nodes(client: TestClient, path: str = NODES, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["nodes"]
    return found


def names(client: TestClient, **asked: Any) -> list[str]:
    return [node["name"] for node in nodes(client, **asked)]


def test_a_node_is_told_as_run_ai_has_it(live: TestClient) -> None:
    node = nodes(live)[0]
    assert node.pop("updatedAt") >= format_time(NOW)[:16]
    assert node == {
        "id": node_id("alpha", "alpha-1"),
        "name": "alpha-1",
        "status": "Ready",
        "conditions": [],
        "taints": [],
        "nodePool": "a100_80gb",
        "clusterUuid": cluster_id("alpha"),
        "createdAt": format_time(START),
        "gpuInfo": {"gpuType": "NVIDIA H100", "gpuCount": 4},
        "nvLinkDomainUid": None,
        "nvLinkCliqueId": None,
    }


def test_a_broken_gpu_is_a_condition_of_a_node_that_is_ready(live: TestClient) -> None:
    (node,) = nodes(live, filterBy="name==alpha-2")
    assert node["status"] == "Ready"
    assert node["conditions"][0]["message"] == "1 of its GPUs report an error that ends work"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["alpha-1", "alpha-2", "beta-1"]),
        ({"filterBy": "name=^alpha,status==Ready"}, ["alpha-1", "alpha-2"]),
        ({"filterBy": "nodePool==default"}, ["alpha-2", "beta-1"]),
        ({"filterBy": f"clusterUuid=={cluster_id('beta')}"}, ["beta-1"]),
        ({"filterBy": "gpuType=@H100,nvLinkDomainUid==x"}, []),
        ({"search": "BETA"}, ["beta-1"]),
        ({"sortBy": "NodeFilterSortFields.NODEPOOL", "sortOrder": "desc"}, ["alpha-2", "beta-1", "alpha-1"]),
        ({"sortBy": "name", "offset": 1, "limit": 1}, ["alpha-2"]),
    ],
    ids=str,
)
def test_nodes_are_filtered_sorted_and_cut(asked: dict[str, Any], found: list[str], live: TestClient) -> None:
    assert names(live, **asked) == found


def test_no_node_is_told_twice(live: TestClient) -> None:
    """As Run:ai's were, before it was fixed (RUN-26955); and as many are counted."""
    told = [node["id"] for node in nodes(live)]
    assert len(told) == len(set(told)) == live.get(f"{NODES}/count").json()["count"]
    assert live.get(f"{NODES}/count", params={"filterBy": "nodePool==default"}).json() == {"count": 2}


def test_the_nodes_of_one_cluster_are_told_as_deprecated(live: TestClient) -> None:
    path = f"/api/v1/clusters/{cluster_id('beta')}/nodes"
    assert [node["name"] for node in nodes(live, path)] == ["beta-1"]
    counted = live.get(f"{path}/count")
    assert counted.json() == {"count": 1}
    assert "Deprecation" in counted.headers
    assert "</api/v1/nodes>" in counted.headers["Link"]
    assert live.get("/api/v1/clusters/nothing/nodes").status_code == 404


def test_of_a_node_only_its_own_gpus_are_told_to_a_project(live: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, Actor("of a", Scope(frozenset({("alpha", "a")}))))
    (node,) = nodes(live)
    assert (node["name"], node["gpuInfo"]["gpuCount"]) == ("alpha-1", 2)


def test_what_is_wrong_with_a_filter_is_told(live: TestClient) -> None:
    answer = live.get(NODES, params={"filterBy": "colour==red"})
    assert answer.status_code == 400
    assert "colour" in answer.json()["message"]


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Cluster alpha has nodes that are not ready, cordoned, gone for an hour, without GPUs; beta was last collected an
    hour ago."""
    folder = tmp_path_factory.mktemp("troubled")
    lake = Lake(str(folder))
    lake.create()
    alpha, beta = Live("alpha"), Live("beta")
    for name in ("fine", "down", "cordoned", "gone"):
        gone = name == "gone"
        alpha.node(name, [2.0] * 60 if gone else 2)
        alpha.gpu_of(name, 0, [0.0] * 60 if gone else 0.0)
        alpha.gpu_of(name, 1, [0.0] * 60 if gone else 0.0)
    alpha.node("down", 0.0, "ready")
    alpha.node("cordoned", 1.0, "cordoned")
    alpha.shown("node_cpu_used_cores", 16, "node", "node_exporter", node="plain")
    beta.node("old", 1)
    beta.gpu_of("old", 0, 0.0)
    for sketch in (alpha, beta):
        booked = sketch.book(4, as_of=NOW)
        hours = list(DAY.hours())
        for hour in hours if sketch is alpha else hours[:2]:
            lake.replace(hour, booked.of(hour))
    return TestClient(create_app(settings_for(Path(folder))))


def test_the_lake_tells_how_nodes_are(troubled: TestClient) -> None:
    told = {node["name"]: (node["status"], [taint["key"] for taint in node["taints"]]) for node in nodes(troubled)}
    assert told == {
        "fine": ("Ready", []),
        "down": ("NotReady", []),
        "cordoned": ("Ready", ["node.kubernetes.io/unschedulable"]),
        "gone": ("Unknown", []),
        "plain": ("Unknown", []),
        "old": ("Unknown", []),
    }


def test_a_node_without_gpus_has_no_gpu_info(troubled: TestClient) -> None:
    told = {node["name"]: node["gpuInfo"] for node in nodes(troubled)}
    assert told["plain"] is None
    assert told["gone"] == told["fine"] == {"gpuType": "NVIDIA H100", "gpuCount": 2}
