from datetime import timedelta
from typing import Any

import pytest
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.policy import Actor
from queries.control.applications import create_application
from queries.metric_types import SERIES
from queries.scope import Scope
from queries.window import HOUR, format_time
from tests.live import START, settings_for
from tests.metrics_api.acting import act_as
from tests.metrics_api.live import ALPHA, BETA, TRAIN
from tests.serving import serving

GIB = 2**30

PROXY = "/api/datasources/proxy/17/api/v1"

Labels = dict[str, str]


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


def asked(client: TestClient, query: str, **more: str) -> list[tuple[Labels, Any]]:
    answer = client.get(f"{PROXY}/query", params={"query": query, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    assert answer.json()["data"]["resultType"] == "vector"
    return [(each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]]


def test_the_vendors_own_example_is_answered(client: TestClient) -> None:
    found = asked(client, "runai_gpu_utilization_per_project")
    assert found == [
        ({"__name__": "runai_gpu_utilization_per_project", "clusterId": ALPHA, "project": "a"}, 75),
        ({"__name__": "runai_gpu_utilization_per_project", "clusterId": ALPHA, "project": "b"}, pytest.approx(100 / 3)),
        ({"__name__": "runai_gpu_utilization_per_project", "clusterId": BETA, "project": "a"}, 100),
    ]


SUMS = {
    "runai_allocated_gpu_count_per_project": 4.5,
    "runai_allocated_gpu_count_per_workload": 4.5,
    "runai_allocated_gpu_count_per_node": 4.5,
    "runai_allocated_gpu_count_per_pod": 4.5,
    "runai_job_allocated_gpus": 4.5,
    "runai_gpu_count_per_node": 8,
    "runai_requested_gpus_per_workload": 12.5,
    "runai_gpu_memory_used_mebibytes_per_node": 160 * 1024,
    "runai_gpu_memory_used_mebibytes_per_workload": 120 * 1024,
    "runai_node_total_memory_bytes": 320 * GIB,
    "runai_project_guaranteed_gpus": 4,
    "runai_active_job_cpu_requested_cores": 15,
    "runai_job_cpu_usage": 3.5,
    "runai_cluster_cpu_utilization": 0.25,
    "runai_wait_time_seconds_per_workload": 600,
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_agree_with_the_ledger(name: str, client: TestClient) -> None:
    assert asked(client, f"sum({name})") == [({}, pytest.approx(SUMS[name]))]


def test_series_are_aggregated_by_labels(client: TestClient) -> None:
    name = "runai_allocated_gpu_count_per_workload"
    assert asked(client, f"sum by (project) ({name})") == [({"project": "a"}, 3), ({"project": "b"}, 1.5)]
    assert asked(client, f"count by (workload_type) ({name})") == [
        ({"workload_type": "Interactive"}, 1),
        ({"workload_type": "Train"}, 3),
    ]
    assert asked(client, f"max({name})") == [({}, 2)]
    assert asked(client, f"min by (nothing) ({name})") == [({}, 0.5)]
    assert asked(client, "avg(runai_gpu_utilization_per_gpu)") == [({}, pytest.approx(300 / 7))]


def test_matchers_choose_series(client: TestClient) -> None:
    name = "runai_job_allocated_gpus"
    assert len(asked(client, name)) == 4
    assert [value for _, value in asked(client, f'{name}{{clusterId="{BETA}"}}')] == [1]
    ((labels, value),) = asked(client, f'{name}{{job_uuid="{TRAIN}"}}')
    assert (labels["job_name"], labels["user"], labels["job_type"], value) == ("train", "ada", "Train", 2)
    assert asked(client, f'sum({name}{{project!="a"}})') == [({}, 1.5)]
    assert asked(client, f'sum({name}{{user=""}})') == [({}, 1.5)]
    assert asked(client, f'{name}{{project=~"c|d"}}') == []
    assert asked(client, f'{name}{{colour="red"}}') == []


def test_how_long_a_workload_ran_is_told_for_a_time_in_the_past(client: TestClient) -> None:
    at = (START + HOUR).timestamp()
    query = f'runai_run_time_seconds_per_workload{{workload_id="{TRAIN}"}}'
    assert [value for _, value in asked(client, query, time=str(at))] == [3600]


def test_a_range_has_a_value_at_each_step(client: TestClient) -> None:
    times = {"start": format_time(START + HOUR), "end": str((START + 2 * HOUR).timestamp()), "step": "20m"}
    answer = client.get(f"{PROXY}/query_range", params={"query": "sum(runai_allocated_gpu_count_per_node)", **times})
    data = answer.json()["data"]
    expected = [[(START + HOUR + place * timedelta(minutes=20)).timestamp(), "4.5"] for place in range(4)]
    assert data == {"resultType": "matrix", "result": [{"metric": {}, "values": expected}]}


def test_steps_shorter_than_samples_repeat_the_last(client: TestClient) -> None:
    times = {"start": str((START + HOUR).timestamp()), "end": str((START + HOUR).timestamp() + 60), "step": "15"}
    answer = client.get(f"{PROXY}/query_range", params={"query": "runai_gpu_utilization_per_node", **times})
    assert [len(each["values"]) for each in answer.json()["data"]["result"]] == [5, 5, 5]


def test_it_is_asked_by_form_and_below_grafana_too(client: TestClient) -> None:
    asked_by_form = client.post(f"/grafana{PROXY}/query", data={"query": "sum(runai_gpu_count_per_node)"})
    assert asked_by_form.json()["data"]["result"][0]["value"][1] == "8"


def test_a_series_without_an_open_source_is_empty_and_says_why(client: TestClient) -> None:
    answer = client.get(f"{PROXY}/query", params={"query": "runai_job_swap_memory_used_bytes"}).json()
    assert answer["data"]["result"] == []
    assert answer["warnings"] == ["runai_job_swap_memory_used_bytes: only Run:ai's own GPU memory swap knows it"]


@pytest.mark.parametrize("name", SERIES)
def test_every_series_is_answered_with_what_it_is_told_apart_by(name: str, client: TestClient) -> None:
    found = asked(client, name)
    assert bool(found) == (SERIES[name].empty is None)
    for labels, _ in found:
        assert set(labels) <= {"__name__", "clusterId", *SERIES[name].labels}
    assert len({tuple(sorted(labels.items())) for labels, _ in found}) == len(found)


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("query", {}, "parameter 'query' is missing"),
        ("query", {"query": "rate(runai_x[5m])"}, "is not answered"),
        ("query", {"query": "up", "time": "soon"}, "'soon' is not a time"),
        ("query_range", {"query": "up"}, "parameter 'start' is missing"),
        (
            "query_range",
            {"query": "up", "start": "1700000000", "end": "1700000001", "step": "0"},
            "a step is longer than zero",
        ),
    ],
)
def test_errors_are_prometheus_own(path: str, params: dict[str, str], said: str, client: TestClient) -> None:
    answer: Any = client.get(f"{PROXY}/{path}", params=params)
    assert answer.status_code == 400
    assert (answer.json()["status"], answer.json()["errorType"]) == ("error", "bad_data")
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [("1700000010", "1700000005", "end timestamp"), ("1700000000", "1701000000", "more than 11000 points")],
)
def test_ranges_are_bounded_as_in_prometheus(start: str, end: str, said: str, client: TestClient) -> None:
    asked_for = {"query": "runai_gpu_count_per_node", "start": start, "end": end, "step": "1"}
    answer = client.get(f"{PROXY}/query_range", params=asked_for)
    assert (answer.status_code, answer.json()["errorType"], said in answer.json()["error"]) == (400, "bad_data", True)


def test_it_says_that_it_is_deprecated(client: TestClient) -> None:
    for query in ("runai_gpu_count_per_node", "up"):
        headers = client.get(f"{PROXY}/query", params={"query": query}).headers
        assert headers["Deprecation"].startswith("@")
        assert headers["Sunset"].endswith("GMT")


def test_an_actor_is_told_of_what_it_may_see(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, Actor("of a", Scope(frozenset({("alpha", "a")}))))
    assert asked(client, "sum(runai_allocated_gpu_count_per_node)") == [({}, 2)]
    assert {labels["project"] for labels, _ in asked(client, "runai_gpu_utilization_per_project")} == {"a"}
    assert asked(client, f'runai_gpu_utilization_per_project{{clusterId="{BETA}"}}') == []


def test_without_a_token_it_is_refused_in_prometheus_shape(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = create_app(settings_for(tmp_path_factory.mktemp("closed"), "required"))
    create_application(app.state.services.control, "tests", "id", "secret")
    answer = TestClient(app).get(f"{PROXY}/query", params={"query": "runai_gpu_count_per_node"})
    assert (answer.status_code, answer.json()["errorType"]) == (401, "unauthorized")
    app.state.services.stop()


def test_a_client_of_prometheus_asks_it_as_it_is(client: TestClient) -> None:
    """As scripts for Run:ai's metrics API do, at the address of the datasource's proxy."""
    assert isinstance(client.app, Starlette)
    with serving(client.app) as address:
        prometheus = PrometheusConnect(url=f"{address}/api/datasources/proxy/17")
        found = prometheus.custom_query("sum by (project) (runai_allocated_gpu_count_per_project)")
        assert [(each["metric"], each["value"][1]) for each in found] == [
            ({"project": "a"}, "3"),
            ({"project": "b"}, "1.5"),
        ]
        over = prometheus.custom_query_range("runai_gpu_utilization_per_node", START, START + HOUR, "30m")
        assert [len(each["values"]) for each in over] == [2, 2, 2]
        with pytest.raises(PrometheusApiClientException, match="bad_data"):
            prometheus.custom_query("up")
