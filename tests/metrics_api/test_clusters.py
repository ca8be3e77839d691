from starlette.testclient import TestClient


def test_clusters_tell_how_fresh_they_are(client: TestClient) -> None:
    until = {"status": "late", "collected_until": "2025-03-03T04:00:00Z"}
    assert client.get("/api/v1/clusters").json() == [{"name": "alpha", **until}, {"name": "beta", **until}]
