import io

import pandas as pd
import pytest
from starlette.testclient import TestClient

from tests.served import HOSTILE

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"
WASTE = f"/api/v1/waste?{DURING}"
WAITS = f"/api/v1/queue-waits?{DURING}"


def test_waste_is_ranked_with_its_evidence_and_completeness(client: TestClient) -> None:
    """In both clusters a pod held a GPU for four hours and never used it."""
    body = client.get(WASTE).json()
    assert [(row["cluster"], row["workload"], row["class"], row["wasted_gpu_hours"]) for row in body["data"]] == [
        ("alpha", "pb", "never_used", 4),
        ("beta", "pb", "never_used", 4),
    ]
    assert body["data"][0]["held_since"] == "2025-03-03T00:00:00Z"
    assert body["coverage"] == pytest.approx(1)
    assert body["warnings"] == []


def test_waste_comes_by_project_and_in_other_forms(client: TestClient) -> None:
    (row,) = client.get(f"{WASTE}&by=project&envelope=false").json()
    assert (row["project"], row["wasted_gpu_hours"], row["workloads"], row["gpus"]) == ("b", 8, 2, 2)
    frame = pd.read_csv(io.StringIO(client.get(f"{WASTE}&by=project&format=csv").text))
    assert frame["wasted_gpu_hours"].tolist() == [8]
    assert client.get(f"{WASTE}&format=parquet").content[:4] == b"PAR1"


def test_waste_is_told_and_ranked_by_cost(priced: TestClient) -> None:
    body = priced.get(f"{WASTE}&order_by=cost").json()
    assert [(row["wasted_cost"], row["allocated_cost"], row["unpriced_gpu_hours"]) for row in body["data"]] == [
        (8, 8, 0),
        (8, 8, 0),
    ]
    assert body["currency"] == body["data"][0]["currency"] == "EUR"


def test_thresholds_are_parameters_of_all_types_or_of_one(client: TestClient) -> None:
    def classes(how: str) -> set[str]:
        return {row["class"] for row in client.get(f"{WASTE}&{how}").json()["data"]}

    assert classes("low_utilization_below=0.6") == {"never_used", "low_utilization"}
    assert classes("low_utilization_below=serving:0.6") == {"never_used"}
    assert classes("low_utilization_below=training:0.6&low_utilization_below=0.1") == {"never_used", "low_utilization"}
    assert classes("never_used_after=1d&judged_after=1d") == set()
    assert classes("classes=idle_tail") == set()


def test_a_hostile_name_is_only_a_name(client: TestClient) -> None:
    rows = client.get(f"{WASTE}&low_utilization_below=1&active_above=0.6&by=project").json()["data"]
    assert {row["project"] for row in rows} == {"a", "b"}
    rows = client.get(WASTE, params={"where": f"project=={HOSTILE.replace(',', '')}"}).json()["data"]
    assert rows == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("classes=lazy", "classes: unknown class 'lazy'; classes are: never_used, idle_tail"),
        ("by=mood", "by = 'mood': Input should be 'workload', 'project'"),
        ("order_by=price", "order_by = 'price': Input should be 'gpu_hours' or 'cost'"),
        ("limit=0", "limit = '0': Input should be greater than or equal to 1"),
        ("min_gpu_hours=nan", "min_gpu_hours = 'nan': Input should be a finite number"),
        ("low_utilization_below=2", "low_utilization_below: '2' is not a ratio; write a number from 0 to 1"),
        ("low_utilization_below=nan", "low_utilization_below: 'nan' is not a ratio"),
        (
            "never_used_after=batch:1h",
            "never_used_after: unknown type 'batch' in 'batch:1h'; types are: training, interactive, serving",
        ),
        ("idle_tail_after=serving:soon", "idle_tail_after: 'soon' is not a duration"),
        ("no_process_memory_below_bytes=-1", "no_process_memory_below_bytes: '-1' is not a number of bytes"),
        ("idle_tail=1h", "unknown parameter 'idle_tail'; did you mean 'idle_tail_after'?"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(client: TestClient, query: str, said: str) -> None:
    answer = client.get(f"{WASTE}&{query}")
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_waits_of_what_is_not_told_of_changes_cannot_be_asked(client: TestClient) -> None:
    answer = client.get(f"{WAITS}&where=node==one")
    assert answer.status_code == 400
    assert "node is not known of workloads that wait; fields are: cluster, project" in answer.json()["message"]
    assert client.get(f"{WAITS}&by=node").status_code == 400


def test_waits_of_nobody_are_no_rows(client: TestClient) -> None:
    assert client.get(WAITS).json()["data"] == []
