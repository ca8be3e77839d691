"""Clusters that are registered, changed and deleted by the API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from queries.control.tables import Cluster
from queries.ids import cluster_id
from tests.metrics_api.community import Community, community

CLUSTERS = "/api/v1/clusters"
URL = "http://127.0.0.1:1"
SECRET = "hunter2"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "token").write_text(SECRET)
    (folder / "out").symlink_to("/etc/hostname")
    return folder


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people"), secrets_folder=str(secrets)) as people:
        yield people


@pytest.fixture(scope="module")
def admin(people: Community) -> TestClient:
    return people.client("admin")


@pytest.fixture(scope="module")
def stranger(people: Community) -> TestClient:
    return people.client("stranger")


def path_of(name: str) -> str:
    return f"{CLUSTERS}/{cluster_id(name)}"


def names(client: TestClient, **asked: Any) -> list[str]:
    return [each["name"] for each in client.get(CLUSTERS, params=asked).json()]


def refused(client: TestClient, source: Any, name: str = "refused") -> str:
    """Why a cluster is refused that is collected so."""
    answer = client.post(CLUSTERS, json={"name": name, "prometheus": source})
    assert answer.status_code == 400, answer.text
    assert SECRET not in answer.text
    return str(answer.json()["message"])


def test_a_cluster_lives_as_run_ai_has_it(admin: TestClient) -> None:
    made = admin.post(CLUSTERS, json={"name": "life", "domain": "life.example.com", "version": "2.20"})
    assert made.status_code == 201
    assert made.json()["uuid"] == cluster_id("life")
    told = admin.get(path_of("life")).json()
    assert (told["name"], told["domain"], told["version"], told["tenantId"]) == ("life", "life.example.com", "2.20", 1)
    assert told["status"] == {"state": "WaitingToConnect"}
    assert admin.put(path_of("life"), json={"name": "life", "prometheus": URL}).status_code == 204
    assert admin.get(path_of("life")).json()["prometheus"] == {"url": URL}
    assert admin.delete(path_of("life"), params={"force": True}).status_code == 204
    assert "life" not in names(admin)
    assert "life" in names(admin, includeRequestedForDelete=True)
    assert "deletedAt" in admin.get(path_of("life")).json()
    assert admin.put(path_of("life"), json={"name": "life"}).status_code == 404
    assert admin.delete(path_of("life")).status_code == 404


def test_a_cluster_keeps_its_name(admin: TestClient) -> None:
    admin.post(CLUSTERS, json={"name": "kept"})
    answer = admin.put(path_of("kept"), json={"name": "renamed"})
    assert answer.status_code == 400
    assert "a cluster keeps its name, 'kept'" in answer.json()["message"]


@pytest.mark.parametrize("name", ["alpha", "gamma", "taken"])
def test_a_taken_name_is_refused_whoever_has_it(name: str, admin: TestClient, stranger: TestClient) -> None:
    """alpha is configured, gamma another tenant's."""
    admin.post(CLUSTERS, json={"name": "taken"})
    messages = set()
    for client in (admin, stranger):
        answer = client.post(CLUSTERS, json={"name": name})
        assert answer.status_code == 409
        messages.add(answer.text)
    assert len(messages) == 1


def test_a_name_stays_its_tenants_after_the_cluster_is_deleted(admin: TestClient, stranger: TestClient) -> None:
    """Who has the name has the past."""
    admin.post(CLUSTERS, json={"name": "past"})
    admin.delete(path_of("past"))
    assert stranger.post(CLUSTERS, json={"name": "past"}).status_code == 409
    assert admin.post(CLUSTERS, json={"name": "past"}).status_code == 201
    assert "past" in names(admin)
    assert "past" not in names(stranger)


def test_what_the_configuration_file_says_is_changed_there(admin: TestClient) -> None:
    for answer in (admin.put(path_of("alpha"), json={"prometheus": URL}), admin.delete(path_of("alpha"))):
        assert answer.status_code == 409
        assert "is in the configuration file" in answer.json()["message"]
    assert admin.put(path_of("alpha"), json={"name": "alpha", "domain": "a.example.com"}).status_code == 204
    assert admin.get(path_of("alpha")).json()["domain"] == "a.example.com"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"url": URL, "bearer_token": SECRET}, "prometheus.bearer_token: a secret is not kept here"),
        ({"url": URL, "bearer_token": [SECRET]}, "prometheus.bearer_token: a secret is not kept here"),
        ({"url": URL, "headers": {"X-Key": SECRET}}, "prometheus.headers.X-Key: a secret is not kept here"),
        (
            {"url": URL, "basic_auth": {"username": "u", "password": SECRET}},
            "prometheus.basic_auth.password: a secret is not kept here",
        ),
        ({"url": URL, "basic_auth": SECRET}, "basic_auth"),
        ({"url": f"http://u:{SECRET}@127.0.0.1"}, "there is a user or password in it"),
        ({"url": f"{URL}/?token={SECRET}"}, "an address ends with its path"),
        ({"url": URL, "bearer_token": "env:PATH"}, "does not begin with CLUSTER_SECRET_"),
        ({"url": URL, "bearer_token": "env:METRICS_API_STORE__CONTROL"}, "does not begin with CLUSTER_SECRET_"),
        ({"url": URL, "bearer_token": "file:/etc/passwd"}, "the file does not lie in"),
        ({"url": URL, "bearer_token": "file:{secrets}/../x"}, "the file does not lie in"),
        ({"url": URL, "bearer_token": "file:{secrets}/out"}, "the file does not lie in"),
        ({"url": URL, "ca": "/etc/passwd"}, "prometheus.ca: the file does not lie in"),
        ({"url": URL, "client_key": "/etc/passwd"}, "prometheus.client_key: the file does not lie in"),
        ("file:///etc/passwd", "prometheus.url: write the address of a Prometheus"),
        ("gopher://127.0.0.1", "prometheus.url: write the address of a Prometheus"),
        ({"url": 5}, "prometheus.url: write a text"),
        ({"step": "30s"}, "'prometheus.url' is missing"),
        ({"url": URL, "step": "7s"}, "step: a step divides one hour"),
        ({"url": URL, "stepp": "7s"}, "stepp: Extra inputs are not permitted"),
        ({"url": URL, "name": "alpha"}, "unknown field 'prometheus.name'"),
        ({"url": URL, "backfill": "9000d"}, "longer than store.retention.rollups"),
    ],
    ids=lambda each: str(each)[:60].replace("'", ""),
)
def test_what_is_wrong_with_a_source_is_told_without_its_secrets(
    source: Any, said: str, admin: TestClient, secrets: Path
) -> None:
    told = {
        key: value.replace("{secrets}", str(secrets)) if isinstance(value, str) else value
        for key, value in (source.items() if isinstance(source, dict) else [("url", source)])
    }
    assert said in refused(admin, told)


def test_files_cannot_be_named_without_a_folder_for_them(tmp_path: Path) -> None:
    with community(tmp_path) as people:
        source = {"url": URL, "bearer_token": "file:/etc/passwd"}
        assert "once auth.secrets_folder is set" in refused(people.client("admin"), source)


def test_references_are_kept_and_never_what_they_stand_for(
    admin: TestClient, people: Community, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_SECRET_KEPT", SECRET)
    source = {
        "url": URL,
        "basic_auth": {"username": "u", "password": "env:CLUSTER_SECRET_KEPT"},
        "headers": {"X-Key": f"file:{secrets}/token"},
        "labels": {"project": ["team"]},
    }
    assert admin.post(CLUSTERS, json={"name": "secretive", "prometheus": source}).status_code == 201
    told = admin.get(path_of("secretive"))
    assert told.json()["prometheus"] == source
    assert SECRET not in told.text + admin.get("/api/v1/audit/log").text
    assert "prometheus" not in people.client("viewer").get(path_of("secretive")).json()
    with people.app.state.services.control.session() as session:
        assert SECRET not in str(session.get_one(Cluster, cluster_id("secretive")).collection)


def test_other_tenants_name_no_secrets_of_the_server(stranger: TestClient) -> None:
    source = {"url": URL, "bearer_token": "env:CLUSTER_SECRET_OF_THE_FIRST"}
    answer = stranger.post(CLUSTERS, json={"name": "strange", "prometheus": source})
    assert answer.status_code == 403
    assert stranger.post(CLUSTERS, json={"name": "strange", "prometheus": URL}).status_code == 201
    assert "strange" in names(stranger)


def test_the_clusters_of_an_answer_are_those_that_are_registered(people: Community, admin: TestClient) -> None:
    """Also the step that questions are answered in, and what is told of carbon."""
    services = people.app.state.services
    source = {"url": URL, "step": "10s", "carbon_intensity": 40}
    admin.post(CLUSTERS, json={"name": "live", "prometheus": source})
    latest = {"metric": "gpus_busy"}
    told = admin.get("/api/v1/metrics/latest", params=latest).json()["clusters"]
    assert {"name": "live", "status": "never", "collected_until": None} in told
    assert services.finest_step.total_seconds() == 10
    assert services.engine.accounting.intensities == {"live": 40}
    admin.delete(path_of("live"))
    assert "live" not in admin.get("/api/v1/metrics/latest", params=latest).text
    assert services.finest_step.total_seconds() == 60


def test_changes_are_in_the_audit_log(admin: TestClient) -> None:
    admin.post(CLUSTERS, json={"name": "noted"})
    admin.delete(path_of("noted"))
    log = admin.get("/api/v1/audit/log", params={"limit": 500}).json()
    noted = [each for each in log["audit_logs"] if "noted" in str(each)]
    assert len(noted) == 2
