from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.catalogue import METRICS
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.queries.committer import sketch
from tests.served import settings_for

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"


def test_the_catalogue_tells_what_each_metric_is(client: TestClient) -> None:
    entries = {entry["name"]: entry for entry in client.get("/api/v1/metrics").json()}
    assert set(entries) == set(METRICS)
    power = entries["gpu_power_watts"]
    assert power["unit"] == "watts"
    assert power["formula"] == "sum(gpu_power_watts_integral) / sum(gpu_power_watts_seconds)"
    assert power["runai"] == ["GPU_POWER_WATTS", "GPU_POWER_WATTS_PER_GPU"]
    assert "runai_gpu_utilization_per_node" in entries["gpu_utilization_ratio"]["runai"]
    assert power["sources"][0] == {"exporter": "dcgm", "series": "DCGM_FI_DEV_POWER_USAGE"}
    assert power["statistics"] == ["mean", "sum", "min", "max", "p25", "p50", "p75", "p90", "p95", "p99"]
    assert entries["gpu_allocation_ratio"]["statistics"] == ["mean"]
    assert "p95" in entries["gpus_allocated"]["statistics_over_time"]
    assert entries["gpu_energy_joules"]["statistics_over_time"] == []
    assert entries["gpus_quota"]["dimensions"] == ["cluster", "department", "project", "node_pool"]
    assert "workload" in entries["pod_cpu_used_cores"]["dimensions"]
    assert entries["node_cpu_used_cores"]["statistics"] == ["mean", "sum"]


def test_several_metrics_come_in_one_call(client: TestClient) -> None:
    asked = f"/api/v1/metrics/range?{DURING}&step=1h&by=cluster&metric=gpu_utilization_ratio&metric=gpus_busy,gpus_free"
    body = client.get(asked).json()
    assert [series["by"]["cluster"] for series in body["series"]] == ["alpha", "beta"]
    assert body["series"][0]["metrics"] == {
        "gpu_utilization_ratio": [pytest.approx(0.125)] * 4,
        "gpus_busy": [pytest.approx(0.5)] * 4,
        "gpus_free": [pytest.approx(2)] * 4,
    }


def test_rows_can_be_asked_for(client: TestClient) -> None:
    rows = client.get(f"/api/v1/metrics/range?{DURING}&step=2h&metric=gpus_capacity&shape=rows").json()["data"]
    assert rows == [
        {"time": "2025-03-03T00:00:00Z", "gpus_capacity": 6},
        {"time": "2025-03-03T02:00:00Z", "gpus_capacity": 6},
    ]


@pytest.mark.parametrize("step", ["auto", ""])
def test_a_step_is_chosen_where_none_is_given(client: TestClient, step: str) -> None:
    asked = f"/api/v1/metrics/range?{DURING}&metric=gpus_busy" + (f"&step={step}" if step else "")
    assert len(client.get(asked).json()["time"]) == 240


def test_csv_has_a_column_per_metric(client: TestClient) -> None:
    answer = client.get(f"/api/v1/metrics/range?{DURING}&step=4h&metric=gpus_busy&metric=gpus_idle&format=csv")
    assert answer.text.splitlines() == ['"time","gpus_busy","gpus_idle"', '"2025-03-03T00:00:00Z",1.5,2.5']


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "parameter 'metric' is missing"),
        (
            "metric=gpu_utilisation_ratio",
            "unknown metric 'gpu_utilisation_ratio'; did you mean 'gpu_utilization_ratio'?",
        ),
        ("metric=colour", "unknown metric 'colour'; GET /api/v1/metrics lists those there are"),
        (
            "metric=gpus_quota&by=node",
            "gpus_quota is not known by node; its dimensions are: cluster, department, project",
        ),
        (
            "metric=gpus_quota&where=node==a",
            "gpus_quota is not known by node; its dimensions are: cluster, department, project",
        ),
        ("metric=gpus_busy&stat=max", "gpus_busy has no stat 'max'; it has: mean, sum"),
        ("metric=gpus_busy&stat=sum&over=time", "gpus_busy has no stat 'sum' over time; it has: mean, min, max, p25"),
        ("metric=gpu_energy_joules&over=time", "gpu_energy_joules has no stat 'mean' over time; it has: none"),
        ("metric=gpus_busy&stat=mode", "stat: unknown statistic 'mode'; statistics are: mean, sum, min, max, p25"),
        ("metric=gpus_busy&over=all", "over = 'all': Input should be 'gpus' or 'time'"),
        ("metric=gpus_busy&limit=0", "limit = '0': Input should be greater than or equal to 1"),
        (
            "metric=gpus_busy&by=project&order_by=-user",
            "order_by = '-user': an answer is ordered by time, or by a metric, a column or a dimension that it has;"
            " here: time, gpus_busy, project; with - in front, descending",
        ),
        ("metric=gpus_busy&tz=Mars", "tz: 'Mars' is not a time zone; write a name of the IANA database"),
        ("metric=gpus_busy&tz=../../etc/passwd", "tz: '../../etc/passwd' is not a time zone"),
        ("metric=gpus_busy&step=soon", "step: 'soon' is not a duration"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(client: TestClient, query: str, said: str) -> None:
    answer = client.get(f"/api/v1/metrics/range?{query}")
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert "details" not in answer.json()


def test_the_latest_values_are_those_of_the_newest_step(tmp_path: Path) -> None:
    """A lake that was collected up to this minute."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    first = Window.hour_of(now - HOUR)
    booked = sketch(first.start).book(hours=2, as_of=now)
    lake = Lake(str(tmp_path))
    lake.create()
    for hour in Window(first.start, now).hours():
        lake.replace(hour, booked.of(hour))
    with TestClient(create_app(settings_for(tmp_path, "off"))) as client:
        body = client.get("/api/v1/metrics/latest?metric=gpus_busy&metric=gpus_free&by=cluster&shape=rows").json()
        newest = f"{now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
        assert body["data"] == [{"time": newest, "cluster": "sketch", "gpus_busy": 0.5, "gpus_free": 1}]
        assert client.get("/api/v1/metrics/latest?metric=gpus_busy&max_age=1s").json()["series"] == []


def test_percentiles_say_what_they_were_made_of(client: TestClient) -> None:
    """Of alpha's four GPUs one is half busy, of beta's two one is busy."""
    asked = f"/api/v1/metrics/range?{DURING}&step=4h&metric=gpu_utilization_ratio&by=cluster"
    body = client.get(f"{asked}&stat=p90").json()
    assert [series["metrics"]["gpu_utilization_ratio"] for series in body["series"]] == [[0.5], [1]]
    assert body["layers"] == ["raw"]
    answer = client.get(f"{asked}&format=csv")
    assert answer.headers["X-Layers"] == "hour"


def test_over_time_a_group_is_what_it_was_at_each_step(client: TestClient) -> None:
    asked = f"/api/v1/metrics/range?{DURING}&step=4h&metric=gpus_allocated&by=cluster&over=time&stat=p95"
    series = client.get(asked).json()["series"]
    assert [each["metrics"]["gpus_allocated"] for each in series] == [[2], [2]]


def test_the_first_groups_come_with_the_rest_as_one(client: TestClient) -> None:
    asked = f"/api/v1/metrics/range?{DURING}&step=2h&metric=gpus_capacity&by=cluster,project"
    series = client.get(f"{asked}&order_by=-gpus_capacity&limit=1&others=true").json()["series"]
    assert [each["by"] for each in series] == [
        {"cluster": "alpha", "project": None},
        {"cluster": "other", "project": "other"},
    ]
    assert [each["metrics"]["gpus_capacity"] for each in series] == [[2, 2], [4, 4]]


def test_steps_of_which_nothing_is_known_are_null(client: TestClient) -> None:
    asked = "start=2025-03-02T23:00:00Z&end=2025-03-03T01:30:00Z&step=30m&metric=gpus_capacity&by=cluster"
    body = client.get(f"/api/v1/metrics/range?{asked}").json()
    assert body["time"][:2] == ["2025-03-02T23:00:00Z", "2025-03-02T23:30:00Z"]
    assert body["series"][0]["metrics"]["gpus_capacity"] == [None, None, 4, 4, 4]


@pytest.mark.parametrize("path", ["metrics/range?metric=gpu_energy_joules", "ledger?shape=series"])
def test_days_are_those_of_a_zone(client: TestClient, path: str) -> None:
    """In New York, the four hours from midnight (UTC) are of the day before."""
    answer = client.get(f"/api/v1/{path}&{DURING}&step=1d&tz=America/New_York")
    assert answer.json()["time"] == ["2025-03-02T05:00:00Z"]
    months = client.get(f"/api/v1/{path}&start=2025-02-27&end=2025-03-03T04:00:00Z&step=1mo&tz=Asia/Kolkata").json()
    assert months["time"] == ["2025-01-31T18:30:00Z", "2025-02-28T18:30:00Z"]
    (series,) = months["series"]
    energy = series["metrics"]["gpu_energy_joules" if "range" in path else "energy_joules"]
    assert energy == [None, pytest.approx(2 * 300 * 4 * 3600)]


def test_an_automatic_step_is_of_the_zone_too(client: TestClient) -> None:
    asked = "start=2022-01-01&end=2025-03-03&metric=gpus_busy&tz=Europe/Berlin"
    assert client.get(f"/api/v1/metrics/range?{asked}").json()["time"][0] == "2021-12-31T23:00:00Z"


@pytest.mark.parametrize(
    "query",
    [
        "start=2991-01-01&end=2999-12-31&step=12mo&tz=Pacific/Apia",
        "start=1970-01-01&end=1979-12-01&step=999y",
        "end=2999-12-31T23:59:59.999999Z&start=2999-12-31&step=1w&tz=Asia/Kolkata",
        "start=1970-01-01&end=1970-01-02&step=1mo&tz=America/New_York",
    ],
)
def test_the_ends_of_time_are_answered(client: TestClient, query: str) -> None:
    assert client.get(f"/api/v1/metrics/range?metric=gpus_busy&{query}").status_code == 200
    assert client.get(f"/api/v1/ledger?{query}").status_code == 200


@pytest.mark.parametrize("start", ["0001-01-01", "1969-12-31", "9999-12-31T23:59:59Z"])
def test_times_that_no_clock_had_are_refused(client: TestClient, start: str) -> None:
    answer = client.get(f"/api/v1/ledger?start={start}&step=1mo")
    assert answer.status_code == 400
    assert "is not between 1970-01-01T00:00:00Z and 3000-01-01T00:00:00Z" in answer.json()["message"]
