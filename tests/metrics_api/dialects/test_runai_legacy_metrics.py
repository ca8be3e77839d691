from typing import Any

import pytest
from starlette.testclient import TestClient

from queries.ids import department_id, project_id
from queries.window import HOUR, format_time
from tests.live import START
from tests.metrics_api.live import ALPHA, BETA, TWO_HOURS

GIB = 2**30

BASE = f"/v1/k8s/clusters/{ALPHA}"

HOME = {"clusterId": ALPHA, "clusterName": "alpha"}

RESEARCH = {"departmentId": department_id("alpha", "research"), "departmentName": "research"}


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


def told(client: TestClient, path: str, **asked: str) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_cluster_is_told_by_node_pool_and_by_project(client: TestClient) -> None:
    found = told(client, f"{BASE}/metrics")
    assert found["metadata"] == HOME
    assert "timeRange" not in found
    (large,) = (each for each in found["current"]["resources"] if each["nodepoolName"] == "a100_80gb")
    assert large["gpu"] == {"quota": None, "allocated": 3, "utilization": pytest.approx(0.375)}
    assert large["cpu"] == {"quota": None, "allocated": 10_000, "utilization": pytest.approx(0.25)}
    assert large["memory"]["allocated"] == pytest.approx(20 * GIB / 1e6)
    owned = {(each["projectName"], each["nodepoolName"]): each for each in found["current"]["projectResources"]}
    assert owned["a", "a100_80gb"]["gpu"]["utilization"] == pytest.approx(0.75)
    assert owned["a", "a100_80gb"]["departmentName"] == "research"
    assert sum(each["numberOfPendingWorkloads"] for each in owned.values()) == 1


def test_a_project_and_a_department_are_told(client: TestClient) -> None:
    project = told(client, f"{BASE}/projects/{project_id('alpha', 'b')}/metrics")
    assert project["metadata"] == {"projectId": project_id("alpha", "b"), "projectName": "b", **RESEARCH, **HOME}
    allocated = {each["nodepoolName"]: each["gpu"]["allocated"] for each in project["current"]["resources"]}
    assert (allocated["a100_80gb"], allocated["default"]) == (1, 0.5)
    department = told(client, f"{BASE}/departments/{department_id('alpha', 'research')}/metrics")
    assert department["metadata"] == RESEARCH | HOME
    names = {each["projectName"] for each in department["current"]["projectResources"]}
    assert names == {"a", "b"}


def test_projects_and_departments_are_listed(client: TestClient) -> None:
    projects = told(client, f"{BASE}/projects/metrics")["data"]
    assert {each["metadata"]["projectName"] for each in projects} == {"a", "b"}
    departments = told(client, f"{BASE}/departments/metrics")["data"]
    assert [each["metadata"] for each in departments] == [RESEARCH | HOME]


def test_a_time_is_told_beside_the_present(client: TestClient) -> None:
    found = told(client, f"{BASE}/metrics", numberOfSamples="2", **TWO_HOURS)
    over = found["timeRange"]["resources"]
    assert [each["timestamp"] for each in over] == [format_time(START), format_time(START + HOUR)]
    assert [each["gpu"]["allocated"] for each in over] == [3.5, 3.5]
    assert over[0]["gpu"] == {"quota": 4, "allocated": 3.5, "utilization": pytest.approx(0.4)}


def test_a_node_pool_narrows_it(client: TestClient) -> None:
    found = told(client, f"{BASE}/metrics", nodepoolName="a100-80gb")
    assert [each["nodepoolName"] for each in found["current"]["resources"]] == ["a100_80gb"]


@pytest.mark.parametrize(
    ("path", "asked", "status", "said"),
    [
        (f"{BASE}/metrics", {"start": TWO_HOURS["start"]}, 400, "start and end: give both"),
        ("/v1/k8s/clusters/nowhere/metrics", {}, 404, "there is no cluster 'nowhere'"),
        ("/v1/k8s/clusters/all/metrics", {}, 400, "one cluster is told here"),
        (f"/v1/k8s/clusters/{BETA}/projects/{project_id('alpha', 'b')}/metrics", {}, 404, "there is no project"),
        (f"{BASE}/projects/17/metrics", {}, 404, "there is no project '17'"),
    ],
)
def test_what_is_wrong_is_named(path: str, asked: dict[str, str], status: int, said: str, client: TestClient) -> None:
    answer = client.get(path, params=asked)
    assert (answer.status_code, said in answer.json()["message"]) == (status, True)


def test_it_says_that_it_is_deprecated_also_where_it_fails(client: TestClient) -> None:
    for path in (f"{BASE}/metrics", "/v1/k8s/clusters/nowhere/metrics"):
        headers = client.get(path).headers
        assert headers["Deprecation"] == "@1793491200"
        assert headers["Sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
        assert 'rel="successor-version"' in headers["Link"]
    assert "Deprecation" not in client.get("/api/v1/clusters").headers
