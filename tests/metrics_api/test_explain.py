import pytest
from starlette.testclient import TestClient

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


def test_the_time_is_asked_for(client: TestClient) -> None:
    answer = client.get("/api/v1/explain?cluster=alpha&gpu=x")
    assert (answer.status_code, answer.json()["message"]) == (400, "parameter 'time' is missing")
