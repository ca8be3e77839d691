import csv
import io
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.policy import Actor
from queries.scope import Scope
from queries.window import HOUR, format_time
from tests.live import START
from tests.metrics_api.acting import act_as
from tests.metrics_api.live import ALPHA

REPORTS = "/api/v1/org-unit/reports"

ASKED: dict[str, Any] = {
    "name": "März",
    "start": format_time(START - 90 * 24 * HOUR),
    "end": format_time(START + 2 * HOUR),
    "groupBy": "Project",
}
"""Over more than the 30 days that Run:ai's reports have."""


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


def fetched(client: TestClient, **asked: Any) -> list[dict[str, str]]:
    report = client.post(REPORTS, json=ASKED | asked).json()
    answer = client.get(f"{REPORTS}/{report['id']}/file")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_report_is_ready_at_once(client: TestClient) -> None:
    assert client.get(f"{REPORTS}/availability").json() == {"isAvailable": True}
    answer = client.post(REPORTS, json=ASKED)
    assert answer.status_code == 202
    report = answer.json()
    assert (report["status"], report["name"], report["createdBy"]) == ("Ready", "März", "anyone")
    assert "_" not in report["id"]
    assert client.get(f"{REPORTS}/{report['id']}").json()["start"] == ASKED["start"]


def test_it_says_what_each_project_consumed(client: TestClient) -> None:
    allocated = {(row["cluster"], row["project"]): float(row["allocated_gpu_hours"]) for row in fetched(client)}
    assert allocated == pytest.approx(
        {("alpha", "a"): 4, ("alpha", "b"): 3, ("alpha", ""): 0, ("beta", "a"): 2, ("beta", ""): 0}
    )


def test_it_is_grouped_and_filtered(client: TestClient) -> None:
    pools = fetched(client, groupBy="ReportGroupByOptions.NODEPOOL", filterBy=["projectName==b", f"clusterId=={ALPHA}"])
    assert {row["node_pool"]: float(row["allocated_gpu_hours"]) for row in pools} == {"a100_80gb": 2, "default": 1}
    (of_department,) = fetched(client, groupBy="Cluster", filterBy=["departmentName==research", f"clusterId=={ALPHA}"])
    assert float(of_department["allocated_gpu_hours"]) == 7


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"groupBy": "Colour"}, "unknown groupBy 'Colour'; there are: Project, Department, Nodepool, Cluster"),
        ({"filterBy": ["projectName!=a"]}, "'projectName!=a' is not a filter"),
        ({"end": ASKED["start"]}, "is not after start"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_what_is_wrong_is_named(asked: dict[str, Any], said: str, client: TestClient) -> None:
    answer = client.post(REPORTS, json=ASKED | asked)
    assert (answer.status_code, said in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("identifier", ["x", "ff", "0" * 5000, b"[]".hex(), b'["a",1,2,3,4,5]'.hex(), b'{"a":1}'.hex()])
def test_an_id_that_somebody_made_up_is_of_no_report(identifier: str, client: TestClient) -> None:
    for path in (f"{REPORTS}/{identifier}", f"{REPORTS}/{identifier}/file"):
        assert client.get(path).status_code == 404


def test_whoever_fetches_a_report_sees_in_it_what_they_may(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, Actor("of a", Scope(frozenset({("alpha", "a")}))))
    assert [(row["cluster"], row["project"]) for row in fetched(client)] == [("alpha", "a")]
