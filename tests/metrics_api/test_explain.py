import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from queries.collection import Collection
from queries.lake import Lake
from tests.metrics_api.test_asking import serving
from tests.queries.test_question import ALL
from tests.served import fill

EXPLAIN = "/api/v1/explain?cluster=alpha&time=2025-03-03T01:00:30Z"


def test_a_gpu_is_explained(client: TestClient) -> None:
    body = client.get(f"{EXPLAIN}&gpu=alpha-0").json()
    assert [(row["column"], row["seconds"]) for row in body["data"]] == [("busy", 30), ("idle", 30)]
    assert [cluster["name"] for cluster in body["clusters"]] == ["alpha"]
    assert client.get(f"{EXPLAIN}&pod=team/pa&envelope=false").json() == body["data"]
    assert "trusted" in client.get(f"{EXPLAIN}&gpu=alpha-0&format=csv").text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "either gpu (a UUID, or UUID/instance) or pod (namespace/pod) must be given"),
        ("&gpu=x&pod=y/z", 400, "either gpu"),
        ("&gpu=nowhere", 404, "nothing is known of gpu 'nowhere' in cluster 'alpha' at 2025-03-03T01:00:30Z"),
        ("&pod=' or 1=1 --", 404, "nothing is known of pod"),
        ("&gpu=alpha-0&why=1", 400, "unknown parameter 'why'"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(client: TestClient, query: str, status: int, said: str) -> None:
    answer = client.get(f"{EXPLAIN}{query}")
    assert answer.status_code == status
    assert said in answer.json()["message"]


def test_an_explanation_that_takes_too_long_is_stopped(folder: Path, slow: threading.Event) -> None:
    with serving(folder, time="300ms") as client:
        answer = client.get(f"{EXPLAIN}&gpu=alpha-0")
        assert answer.status_code == 503
        assert "(limits.time)" in answer.json()["message"]
        assert slow.is_set()


def test_an_explanation_is_kept_until_there_is_a_newer_run(tmp_path: Path, asked: list[str]) -> None:
    fill(tmp_path)
    with serving(tmp_path) as client:
        first = client.get(f"{EXPLAIN}&gpu=alpha-0")
        assert asked
        asked.clear()
        tag = {"If-None-Match": first.headers["ETag"]}
        assert client.get(f"{EXPLAIN}&gpu=alpha-0", headers=tag).status_code == 304
        assert not asked
        read_at = datetime.fromisoformat(first.json()["data"][0]["read_at"])
        run = Collection("alpha", "fill", ALL, read_at - timedelta(seconds=30), 60.0)
        Lake(str(tmp_path)).collections.append(run.table())
        assert client.get(f"{EXPLAIN}&gpu=alpha-0", headers=tag).json()["data"][0]["run_kind"] == "fill"


def test_the_time_is_asked_for(client: TestClient) -> None:
    answer = client.get("/api/v1/explain?cluster=alpha&gpu=x")
    assert (answer.status_code, answer.json()["message"]) == (400, "parameter 'time' is missing")
