from pathlib import Path

import pytest
from starlette.testclient import TestClient

from metrics_api.access import rate
from metrics_api.access.rate import Rate
from metrics_api.app import create_app
from queries.settings import Settings
from tests.metrics_api.access.test_throttle import Clock
from tests.metrics_api.community import PASSWORD, Community, settings_of, settle
from tests.served import settings_for


def waits(rate: Rate, times: int, who: str = "ada") -> list[int]:
    return [rate.wait_seconds(who) for _ in range(times)]


def test_a_minutes_requests_may_come_at_once_and_are_back_after_a_minute() -> None:
    clock = Clock()
    rate = Rate(60, clock)
    assert waits(rate, 62) == [0] * 60 + [1, 1]
    assert rate.wait_seconds("bob") == 0
    clock.now += 3
    assert waits(rate, 4) == [0, 0, 0, 1]
    clock.now += 60
    assert waits(rate, 61) == [0] * 60 + [1]


def test_what_is_refused_costs_nothing() -> None:
    clock = Clock()
    rate = Rate(1, clock)
    assert waits(rate, 4) == [0, 60, 60, 60]
    clock.now += 59.5
    assert waits(rate, 2) == [1, 1]
    clock.now += 0.5
    assert waits(rate, 2) == [0, 60]


def test_nothing_is_counted_where_there_is_no_limit() -> None:
    rate = Rate(0)
    assert set(waits(rate, 1_000)) == {0}
    assert not rate._full_at


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MOST", 10)
    counted = Rate(1, Clock())
    for number in range(100):
        counted.wait_seconds(f"{number}")
    assert len(counted._full_at) == 10
    assert [counted.wait_seconds("99"), counted.wait_seconds("0")] == [60, 0]


def limited(settings: Settings, most: int) -> Settings:
    limits = settings.limits.model_copy(update={"requests_per_minute": most})
    return settings.model_copy(update={"limits": limits})


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Community:
    app = create_app(limited(settings_of(tmp_path_factory.mktemp("rate")), 3))
    settle(app.state.services.control)
    return Community(app, TestClient(app))


@pytest.fixture
def people(everybody: Community) -> Community:
    """Of whom everybody may ask three times in a minute, and nobody has."""
    everybody.app.state.services.rate._full_at.clear()
    return everybody


def test_who_asks_too_often_is_told_when_to_ask_again_and_others_are_not(people: Community) -> None:
    once, again, other = people.client("admin"), people.client("admin"), people.client("viewer")
    asked = [client.get("/api/v1/clusters").status_code for client in (once, again, once)]
    answer = again.get("/api/v1/users")
    assert (asked, answer.status_code) == ([200, 200, 200], 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert answer.json()["code"] == 429
    assert "limits.requests_per_minute" in answer.json()["message"]
    assert other.get("/api/v1/clusters").status_code == 200


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/grafana/search", "more than 3 requests in a minute"),
        ("/api/datasources/proxy/1/api/v1/query?query=runai_gpu_utilization_per_node", '"errorType":"unavailable"'),
    ],
)
def test_each_dialect_says_it_in_its_words(people: Community, path: str, said: str) -> None:
    client = people.client("admin")
    for _ in range(3):
        client.get("/api/v1/clusters")
    answer = client.post(path)
    assert (answer.status_code, said in answer.text) == (429, True)
    assert answer.headers["Retry-After"]


def test_who_is_not_known_is_counted_by_address(people: Community) -> None:
    stranger = people.with_token("made up")
    assert [stranger.get("/api/v1/clusters").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert people.client("viewer").get("/api/v1/clusters").status_code == 200


def test_a_network_of_the_new_protocol_is_one_address(tmp_path: Path) -> None:
    app = create_app(limited(settings_for(tmp_path, "off"), 1))
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"]
    clients = [TestClient(app, client=(address, 1)) for address in addresses]
    assert [client.get("/api/v1/metrics").status_code for client in clients] == [200, 429, 200, 200, 200]


def test_signing_in_and_health_are_not_counted(people: Community) -> None:
    body = {"grantType": "password", "username": "viewer@example.com", "password": PASSWORD}
    for _ in range(5):
        assert people.anonymous.post("/api/v1/token", json=body).status_code == 200
        assert people.anonymous.get("/healthz").status_code == 200
        assert people.anonymous.get("/readyz").status_code == 200
        assert people.anonymous.get("/metrics").status_code == 200


def test_the_document_tells_of_it(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    paths = document["paths"]
    assert paths["/api/v1/ledger"]["get"]["responses"]["429"] == {"$ref": "#/components/responses/Error429"}
    assert document["components"]["responses"]["Error429"]["headers"]["Retry-After"]
    assert "429" not in paths["/api/v1/token"]["post"]["responses"]
    assert "429" not in paths["/healthz"]["get"]["responses"]
