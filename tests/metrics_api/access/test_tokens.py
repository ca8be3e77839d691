import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.control.applications import create_link
from tests.served import settings_for


@pytest.mark.parametrize(
    "body",
    [
        {"grantType": "client_credentials", "clientID": "id", "clientSecret": "secret"},
        {"granttype": "client_credentials", "clientId": "id", "CLIENTSECRET": "secret"},
        {"grantType": "app_token", "AppId": "id", "AppSecret": "secret"},
    ],
)
def test_credentials_are_exchanged_for_a_token(anonymous: TestClient, body: dict[str, str]) -> None:
    answer = anonymous.post("/api/v1/token", json=body)
    assert answer.status_code == 200
    assert answer.json()["expiresIn"] == 86_400
    token = answer.json()["accessToken"]
    assert anonymous.get("/api/v1/clusters", headers={"Authorization": f"bearer {token}"}).status_code == 200


def test_a_link_is_exchanged_once(app: Starlette, anonymous: TestClient) -> None:
    body = {"grantType": "exchange_token", "code": create_link(app.state.services.control, "id")}
    assert anonymous.post("/api/v1/token", json=body).status_code == 200
    assert anonymous.post("/api/v1/token", json=body).status_code == 400


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"grantType": "client_credentials", "clientID": "id", "clientSecret": "x"}', "the credentials are not right"),
        ('{"grantType": "client_credentials", "clientID": "x", "clientSecret": "x"}', "the credentials are not right"),
        ('{"grantType": "client_credentials"}', "field 'clientID' is missing; grantType client_credentials needs it"),
        ('{"grantType": "password", "username": "x"}', "field 'password' is missing; grantType password needs it"),
        ('{"grantType": "authorization_code"}', "grantType = 'authorization_code': Input should be"),
        ('{"clientID": "id"}', "field 'grantType' is missing"),
        ('{"grantType": "app_token", "appIdd": "x"}', "unknown field 'appIdd'; did you mean 'appID'?"),
        ("[1]", "field"),
        ("not json", "Invalid JSON"),
        ("", "Invalid JSON"),
    ],
)
def test_bad_credentials_are_a_bad_request(anonymous: TestClient, body: str, said: str) -> None:
    answer = anonymous.post("/api/v1/token", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


@pytest.mark.parametrize("header", [None, "", "Basic aWQ6c2VjcmV0", "Bearer", "Bearer x.y.z", "Bearer é"])
def test_without_a_valid_token_nothing_is_told(anonymous: TestClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in (
        "/api/v1/clusters",
        "/api/v1/metrics",
        "/api/v1/ledger",
        "/api/v1/metrics/latest",
        "/api/v1/metrics/range",
    ):
        answer = anonymous.get(path, headers=headers)  # type: ignore[arg-type]  # bytes are headers too
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "token" in answer.json()["message"]


def test_with_auth_off_everyone_may_ask(folder) -> None:  # type: ignore[no-untyped-def]  # a fixture
    with TestClient(create_app(settings_for(folder, "off"))) as client:
        assert client.get("/api/v1/clusters").status_code == 200


def test_a_body_that_is_too_large_is_refused(anonymous: TestClient) -> None:
    assert anonymous.post("/api/v1/token", content=b" " * (2 << 20)).status_code == 413
