"""Access keys: long-lived, revocable, and good for scrapers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.metrics_api.community import Community, community


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people"), metrics="required") as people:
        yield people


KEYS = "/api/v1/access-keys"


def make(people: Community, name: str, owner: str = "viewer") -> dict[str, str]:
    answer = people.client(owner).post(KEYS, json={"name": name})
    assert answer.status_code == 201
    return dict(answer.json())


def test_the_secret_is_a_bearer_token_until_it_is_revoked(people: Community) -> None:
    key = make(people, "scraper")
    client = people.with_token(key["clientSecret"])
    assert client.get("/api/v1/clusters").status_code == 200
    assert [each["name"] for each in client.get(KEYS).json()["accessKeys"]] == ["scraper"]
    assert people.client("viewer").delete(f"{KEYS}/{key['id']}").status_code == 204
    assert client.get("/api/v1/clusters").status_code == 401


def test_it_is_exchanged_for_a_token_that_ends_with_it(people: Community) -> None:
    key = make(people, "exchanged")
    body = {"grantType": "client_credentials", "clientID": key["clientId"], "clientSecret": key["clientSecret"]}
    client = people.with_token(people.anonymous.post("/api/v1/token", json=body).json()["accessToken"])
    assert client.get("/api/v1/clusters").status_code == 200
    renewed = people.client("viewer").post(f"{KEYS}/{key['id']}/secret").json()["clientSecret"]
    assert client.get("/api/v1/clusters").status_code == 401
    assert people.with_token(key["clientSecret"]).get("/api/v1/clusters").status_code == 401
    assert people.with_token(renewed).get("/api/v1/clusters").status_code == 200


def test_a_key_makes_no_keys(people: Community) -> None:
    key = make(people, "only-reads")
    answer = people.with_token(key["clientSecret"]).post(KEYS, json={"name": "another"})
    assert answer.status_code == 403


def test_signing_out_leaves_keys_good(people: Community) -> None:
    key = make(people, "stays")
    client = people.client("viewer")
    me = client.get("/api/v1/authorization/me/access-rules").json()["accessRules"]["accessRules"][0]["subjectId"]
    users = people.client("admin").get("/api/v1/users", params={"filterBy": f"username=={me}"}).json()
    assert client.post(f"/api/v1/users/{users[0]['id']}/logout").status_code == 204
    assert client.get("/api/v1/clusters").status_code == 401
    assert people.with_token(key["clientSecret"]).get("/api/v1/clusters").status_code == 200


def test_the_services_own_metrics_want_a_key_where_the_settings_say_so(people: Community, tmp_path: Path) -> None:
    key = make(people, "prometheus", owner="admin")
    weak = make(people, "weak", owner="nobody")
    assert people.anonymous.get("/metrics").status_code == 401
    assert people.with_token(weak["clientSecret"]).get("/metrics").status_code == 403
    assert "metrics_api_requests_total" in people.with_token(key["clientSecret"]).get("/metrics").text
    with community(tmp_path) as others:
        assert others.anonymous.get("/metrics").status_code == 200


def test_administrators_see_and_revoke_everybodys(people: Community) -> None:
    key = make(people, "lost", owner="nobody")
    admin = people.client("admin")
    listed = admin.get("/api/v1/administration/access-keys", params={"createdBy": "nobody@example.com"}).json()
    assert key["id"] in {each["id"] for each in listed["accessKeys"]}
    assert key["clientSecret"] not in str(listed)
    assert admin.delete(f"/api/v1/administration/access-keys/{key['id']}").status_code == 204
    assert people.with_token(key["clientSecret"]).get("/api/v1/clusters").status_code == 401


@pytest.mark.parametrize("name", ["", "Upper", "under_score", "-x", "x" * 64])
def test_names_are_as_the_client_has_them(people: Community, name: str) -> None:
    answer = people.client("nobody").post(KEYS, json={"name": name})
    assert answer.status_code == 400
    assert "lower-case letters, digits and hyphens" in answer.json()["message"]
