"""A cluster with a past, which is deleted."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

import tests.live
from metrics_api.app import create_app
from queries.ids import cluster_id, node_id
from queries.settings import Settings
from queries.window import HOUR, format_time
from tests.live import DAY, settings_for

BETA = f"/api/v1/clusters/{cluster_id('beta')}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Of a service whose configuration file has alpha alone; beta was deleted."""
    folder = tmp_path_factory.mktemp("deleted")
    tests.live.fill(folder)
    told = settings_for(folder).model_dump(mode="json")
    app = create_app(Settings.model_validate(told | {"clusters": told["clusters"][:1]}))
    client = TestClient(app)
    assert client.delete(BETA).status_code == 202
    yield client
    app.state.services.stop()


def test_its_past_is_told_and_nothing_is_missing(client: TestClient) -> None:
    asked = {"start": format_time(DAY.start), "end": format_time(DAY.start + 2 * HOUR), "by": "cluster"}
    told = client.get("/api/v1/ledger", params=asked).json()
    assert [row["cluster"] for row in told["data"]] == ["alpha", "beta"]
    assert {each["name"]: each["status"] for each in told["clusters"]} == {"alpha": "ok", "beta": "deleted"}
    assert told["warnings"] == []


def test_it_and_its_nodes_and_pools_are_not_listed(client: TestClient) -> None:
    assert [each["name"] for each in client.get("/api/v1/clusters").json()] == ["alpha"]
    assert [each["name"] for each in client.get("/v1/k8s/clusters").json()] == ["alpha"]
    assert {each["clusterUuid"] for each in client.get("/api/v1/nodes").json()["nodes"]} == {cluster_id("alpha")}
    assert {each["clusterName"] for each in client.get("/api/v1/node-pools").json()["nodepools"]} == {"alpha"}


def test_its_projects_are_not_listed_and_none_is_made(client: TestClient) -> None:
    projects = client.get("/api/v1/org-unit/projects").json()["projects"]
    assert {each["clusterId"] for each in projects} == {cluster_id("alpha")}
    departments = client.get("/api/v1/org-unit/departments").json()["departments"]
    assert {each["clusterId"] for each in departments} == {cluster_id("alpha")}
    asked = {"name": "new", "clusterId": cluster_id("beta"), "resources": []}
    answer = client.post("/api/v1/org-unit/projects", json=asked)
    assert (answer.status_code, "there is no cluster" in answer.json()["message"]) == (400, True)


def test_it_is_still_found_by_its_id(client: TestClient) -> None:
    told = client.get(BETA).json()
    assert (told["status"]["state"], told["collection"]["status"]) == ("Disconnected", "deleted")
    asked = {"start": format_time(DAY.start), "end": format_time(DAY.start + HOUR), "metricType": "TOTAL_GPU"}
    assert client.get(f"{BETA}/metrics", params=asked).status_code == 200
    assert client.get(f"/api/v1/nodes/{node_id('beta', 'beta-1')}/metrics", params=asked).status_code == 200


def test_prometheus_is_not_told_that_it_is_late(client: TestClient) -> None:
    told = client.get("/metrics").text
    assert 'metrics_api_cluster_collected_until_timestamp_seconds{cluster="alpha"}' in told
    assert 'metrics_api_cluster_collected_until_timestamp_seconds{cluster="beta"}' not in told
