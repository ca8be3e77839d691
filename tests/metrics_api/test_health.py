from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from metrics_api.app import create_app
from tests.served import settings_for


def test_a_process_that_lives_says_so(anonymous: TestClient) -> None:
    assert anonymous.get("/healthz").json() == {"status": "ok"}


def test_a_process_that_can_answer_says_so(anonymous: TestClient) -> None:
    assert anonymous.get("/readyz").json() == {"status": "ok"}


def test_a_control_database_that_is_gone_makes_it_not_ready(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path))
    with TestClient(app) as client:
        app.state.services.control.engine.dispose()
        for file in tmp_path.glob("control.sqlite*"):
            file.unlink()
        (tmp_path / "control.sqlite").mkdir()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "not ready: the control database cannot be read" in answer.json()["message"]
        assert "control.sqlite" not in answer.text
        assert client.get("/healthz").status_code == 200


def test_its_own_metrics_tell_requests_and_freshness(client: TestClient) -> None:
    client.get("/api/v1/clusters")
    client.get("/nowhere/" + "x" * 20)
    client.request("BREW", "/api/v1/clusters")
    families = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").text)}
    labels = [sample.labels for sample in families["metrics_api_requests"].samples]
    requests = {(each["method"], each["path"], each["code"]) for each in labels}
    assert ("GET", "/api/v1/clusters", "200") in requests
    assert ("GET", "(none)", "404") in requests
    assert "other" in {method for method, _, _ in requests}
    until = {
        sample.labels["cluster"] for sample in families["metrics_api_cluster_collected_until_timestamp_seconds"].samples
    }
    assert until == {"alpha", "beta"}


def test_its_own_metrics_are_told_while_the_lake_cannot_be_read(tmp_path: Path) -> None:
    """Whoever watches the service must learn of it."""
    app = create_app(settings_for(tmp_path))
    with TestClient(app) as client:
        assert "metrics_api_lake_up 1.0" in client.get("/metrics").text
        lake = app.state.services.engine.lake
        lake.create()
        for commit in (Path(lake.ledger.folder) / "_delta_log").iterdir():
            commit.write_text("rubbish")
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert "metrics_api_lake_up 0.0" in answer.text
        assert "metrics_api_requests_total" in answer.text
