from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.collection import Collection
from queries.ids import cluster_id
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.served import fill, settings_for
from tests.sketch import START

ERROR = "cluster 'alpha': http://127.0.0.1:1 cannot be reached"


def run(**columns: Any) -> Collection:
    """A run of this very minute."""
    now = datetime.now(UTC)
    told = {"cluster": "alpha", "kind": "live", "window": Window.hour_of(now), "started_at": now}
    made: dict[str, Any] = told | columns
    return Collection(**made)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """An API whose lake knows of three runs of alpha, one of which failed."""
    folder = tmp_path_factory.mktemp("watched")
    fill(folder)
    lake = Lake(str(folder))
    for each in (
        run(kind="fill", duration_seconds=9.0, error=ERROR),
        run(kind="live", duration_seconds=1.5, samples_read=100, warnings=("store s3 is down",)),
        run(kind="live", duration_seconds=2.5, samples_read=50, hours_written=2, rows_written=240, bytes_read=999),
    ):
        lake.collections.append(each.table())
    return TestClient(create_app(settings_for(folder, "off")))


def test_clusters_tell_how_fresh_they_are(client: TestClient) -> None:
    for cluster, name in zip(client.get("/api/v1/clusters").json(), ("alpha", "beta"), strict=True):
        lag = datetime.now(UTC) - (START + 4 * HOUR)
        collection = cluster.pop("collection")
        assert collection.pop("lag_seconds") == pytest.approx(lag.total_seconds(), abs=60)
        assert collection == {"status": "late", "collected_until": "2025-03-03T04:00:00Z"}
        assert (cluster["uuid"], cluster["tenantId"], cluster["name"]) == (cluster_id(name), 1, name)
        assert (cluster["status"], cluster["lastLiveness"]) == ({"state": "Disconnected"}, "2025-03-03T04:00:00Z")


def test_clusters_tell_how_their_collection_goes(watched: TestClient) -> None:
    alpha, beta = (cluster["collection"] for cluster in watched.get("/api/v1/clusters").json())
    last, failure = alpha["last_run"], alpha["last_failure"]
    assert (last["kind"], last["success"], last["samples_read"]) == ("live", True, 50)
    assert (last["duration_seconds"], last["hours_written"], last["rows_written"]) == (2.5, 2, 240)
    assert (failure["kind"], failure["error"]) == ("fill", ERROR)
    assert datetime.fromisoformat(failure["failed_at"]) > datetime.now(UTC) - HOUR
    assert "last_run" not in beta


def test_prometheus_is_told_how_collection_goes(watched: TestClient) -> None:
    families = {family.name: family for family in text_string_to_metric_families(watched.get("/metrics").text)}

    def told(name: str) -> dict[str, float]:
        samples = families[f"metrics_api_collection_{name}"].samples
        return {each.labels["kind"]: each.value for each in samples if not each.name.endswith("_created")}

    assert told("runs") == {"live": 2, "fill": 1}
    assert told("failures") == {"live": 0, "fill": 1}
    assert told("samples") == {"live": 150, "fill": 0}
    assert told("last_samples") == {"live": 50, "fill": 0}
    assert told("last_duration_seconds") == {"live": 2.5, "fill": 9.0}
    assert set(told("last_success_timestamp_seconds")) == {"live"}
    assert families["metrics_api_collection_runs"].type == "counter"
    assert ERROR not in watched.get("/metrics").text


def test_the_document_tells_what_a_cluster_is(anonymous: TestClient) -> None:
    schemas = anonymous.get("/openapi.json").json()["components"]["schemas"]
    assert {"hours_missing", "coverage_24h", "lag_seconds", "last_run", "last_failure"} <= set(
        schemas["CollectionView"]["properties"]
    )


def test_a_lake_without_runs_has_metrics_all_the_same(tmp_path: Path) -> None:
    with TestClient(create_app(settings_for(tmp_path, "off"))) as empty:
        assert empty.get("/metrics").status_code == 200
        clusters = empty.get("/api/v1/clusters").json()
        assert [cluster["collection"]["status"] for cluster in clusters] == ["never", "never"]
        assert {cluster["status"]["state"] for cluster in clusters} == {"WaitingToConnect"}


def test_metadata_is_told_without_what_the_lake_knows(client: TestClient) -> None:
    told = client.get("/api/v1/clusters", params={"verbosity": "metadata"}).json()
    assert [each["name"] for each in told] == ["alpha", "beta"]
    assert not any({"status", "collection"} & set(each) for each in told)
    one = client.get(f"/api/v1/clusters/{cluster_id('alpha')}", params={"verbosity": "metadata"}).json()
    assert one == told[0]
