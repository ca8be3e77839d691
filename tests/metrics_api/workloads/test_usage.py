import pytest
from starlette.testclient import TestClient

from metrics_api.workloads.usage import MOST_CHOSEN

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"
USAGE = f"/api/v1/workload-usage?{DURING}"
PA = {"cluster": "alpha", "namespace": "team", "workload_kind": "Pod", "workload": "pa"}
SERIES = "/api/v1/workload-usage/series?cluster=alpha&namespace=team&workload_kind=Pod&workload=pa"


def test_workloads_are_listed_with_their_usage(client: TestClient) -> None:
    body = client.get(USAGE).json()
    assert [(row["cluster"], row["workload"], row["busy_gpu_hours"]) for row in body["data"]] == [
        ("alpha", "pa", 2),
        ("alpha", "pb", 0),
        ("beta", "pa", 4),
        ("beta", "pb", 0),
    ]
    assert body["coverage"] == pytest.approx(1)
    strict = client.get(f"{USAGE}&low_utilization_below=0.6&where=project==a&where=cluster==alpha").json()["data"]
    assert [(row["workload"], row["waste_class"], row["efficiency_ratio"]) for row in strict] == [
        ("pa", "low_utilization", 0.5)
    ]


def test_many_are_asked_for_in_one_call(client: TestClient) -> None:
    body = client.post(USAGE, json={"workloads": [PA, PA | {"cluster": "beta"}, PA | {"workload": "no"}]}).json()
    assert [(row["cluster"], row["workload"]) for row in body["data"]] == [("alpha", "pa"), ("beta", "pa")]
    assert body["warnings"] == ["1 of 3 workloads are left out: they held no GPUs and did not change in this time"]
    answer = client.post(f"{USAGE}&format=csv", json={"workloads": [PA]})
    assert len(answer.text.splitlines()) == 2


def test_a_workload_has_series_by_pod_and_gpu(client: TestClient) -> None:
    body = client.get(f"{SERIES}&{DURING}&step=1h").json()
    assert body["time"] == [f"2025-03-03T0{hour}:00:00Z" for hour in range(4)]
    (series,) = body["series"]
    assert series["by"] == {"pod": "pa", "gpu": "alpha-0"}
    assert series["metrics"]["gpu_utilization_ratio"] == [0.5] * 4
    assert series["metrics"]["gpu_memory_used_bytes"] == [None] * 4
    assert series["metrics"]["allocated_gpu_hours"] == [1] * 4
    rows = client.get(f"{SERIES}&{DURING}&by=node&metric=gpu_power_watts&shape=rows").json()["data"]
    assert (len(rows), rows[0]["node"], rows[0]["gpu_power_watts"]) == (240, "alpha-1", 300)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        (f"{USAGE}&order_by=project", 400, "order_by = 'project': Input should be 'allocated_gpu_hours'"),
        (f"{USAGE}&limit=1000000", 400, "limit = '1000000': Input should be less than or equal to 100000"),
        (f"{USAGE}&by=user", 400, "by = 'user': Input should be 'workload'"),
        (SERIES, 404, "workload 'pa' (Pod) of cluster 'alpha' did not run lately; give start and end"),
        (f"{SERIES}&start=2025-03-03", 400, "start and end: give both, or neither"),
        (f"{SERIES}&{DURING}&metric=gpus_busy", 400, "metric = 'gpus_busy': Input should be 'gpu_utilization_ratio'"),
        (f"{SERIES}&{DURING}&by=project", 400, "by = 'project': Input should be 'pod', 'gpu' or 'node'"),
        (f"{SERIES}&{DURING}&step=90s", 400, "step = 90s: samples are 1m apart"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(client: TestClient, query: str, status: int, said: str) -> None:
    answer = client.get(query)
    assert answer.status_code == status
    assert said in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"workloads": []}, "workloads = []: Tuple should have at least 1 item"),
        ({"workloads": [PA, {"cluster": "alpha", "workload": "x"}]}, "field 'workloads.1.workload_kind' is missing"),
        ({"workloads": [PA | {"kind": "Pod"}]}, "unknown field 'workloads.0.kind'"),
        ({"workloads": [PA] * (MOST_CHOSEN + 1)}, "at most 10000 items"),
        ({"workloads": [PA], "all": True}, "unknown field 'all'"),
        ([], "Input should be an object"),
    ],
)
def test_a_body_that_is_wrong_is_refused(client: TestClient, body: object, said: str) -> None:
    answer = client.post(USAGE, json=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
