"""Every way to get a token, as scripts have it, and what a token is good for."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from queries.control import secret
from queries.control.tables import SigningKey
from tests.metrics_api.community import PASSWORD, Community, community

FORM = {"Content-Type": "application/x-www-form-urlencoded"}

ADA = "admin@example.com"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    with community(tmp_path_factory.mktemp("people")) as people:
        yield people


def good(people: Community, token: str) -> bool:
    return people.with_token(token).get("/api/v1/clusters").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"grantType": "app_token", "AppId": "robot", "AppSecret": "robot's secret"},
        {"granttype": "client_credentials", "clientId": "robot", "CLIENTSECRET": "robot's secret"},
        {"grantType": "password", "Username": ADA.upper(), "password": PASSWORD},
    ],
)
def test_the_current_endpoint_takes_keys_in_any_case(people: Community, body: dict[str, str]) -> None:
    answer = people.anonymous.post("/api/v1/token", json=body)
    told = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert told["expiresIn"] == 86_400
    assert good(people, told["accessToken"])
    assert good(people, told["idToken"])


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "robot's secret"},
        {"grant_type": "password", "username": ADA, "password": PASSWORD, "scope": "openid"},
    ],
)
def test_the_oauth_endpoint_takes_forms(people: Community, form: dict[str, str]) -> None:
    told = people.anonymous.post("/api/v2/token", data=form).json()
    assert told["token_type"] == "bearer"
    assert told["expires_in"] == 86_400
    assert good(people, told["access_token"])


def test_scripts_of_the_identity_server_go_on(people: Community) -> None:
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "robot's secret"}
    path = "/auth/realms/runai/protocol/openid-connect/token"
    answer = people.anonymous.post(path, data=form | {"scope": "openid", "response_type": "id_token"})
    assert good(people, answer.json()["access_token"])
    assert good(people, answer.json()["id_token"])
    assert answer.headers["Sunset"]


def test_an_oauth_client_may_prove_itself_in_the_header(people: Community) -> None:
    form = {"grant_type": "client_credentials"}
    encoded = base64.b64encode(b"robot:robot%27s+secret").decode()
    told = people.anonymous.post("/api/v2/token", data=form, headers={"Authorization": f"Basic {encoded}"})
    assert good(people, told.json()["access_token"])
    wrong = base64.b64encode(b"robot:wrong").decode()
    answer = people.anonymous.post("/api/v2/token", data=form, headers={"Authorization": f"Basic {wrong}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "robot"}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "robot", "client_secret": "no"}, "invalid_client"),
        ({"grant_type": "password", "username": "x", "password": "y"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "y"}, "invalid_grant"),
    ],
)
def test_oauth_errors_are_as_the_standard_has_them(people: Community, form: dict[str, str], error: str) -> None:
    answer = people.anonymous.post("/api/v2/token", data=form)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


def test_the_legacy_endpoints_answer_and_say_that_they_go(people: Community) -> None:
    app = people.anonymous.post(
        "/v1/k8s/auth/oauth/apptoken", json={"id": "robot", "name": "robot", "secret": "robot's secret"}
    )
    login = people.anonymous.post("/v1/k8s/auth/login", json={"email": ADA, "password": PASSWORD})
    assert good(people, app.json()["access_token"])
    assert good(people, app.json()["id_token"])
    assert login.json()["tenant_id"] == 1
    assert (login.json()["token_type"], login.json()["expires_in"]) == ("bearer", 86_400)
    assert good(people, login.json()["access_token"])
    for answer in (app, login):
        assert answer.headers["Deprecation"].startswith("@")
        assert answer.headers["Sunset"].endswith("GMT")
        assert '</api/v1/token>; rel="successor-version"' in answer.headers["Link"]


def test_a_refresh_token_is_good_once(people: Community) -> None:
    body = {"grantType": "password", "username": ADA, "password": PASSWORD}
    first = people.anonymous.post("/api/v1/token", json=body).json()["refreshToken"]
    renewal = {"grantType": "refresh_token", "refreshToken": first}
    renewed = people.anonymous.post("/api/v1/token", json=renewal)
    assert good(people, renewed.json()["accessToken"])
    assert people.anonymous.post("/api/v1/token", json=renewal).status_code == 400
    form = {"grant_type": "refresh_token", "refresh_token": renewed.json()["refreshToken"]}
    assert good(people, people.anonymous.post("/api/v2/token", data=form).json()["access_token"])


def test_signing_out_ends_all_tokens_of_a_user_at_once(people: Community) -> None:
    body = {"grantType": "password", "username": "researcher@example.com", "password": PASSWORD}
    told = people.anonymous.post("/api/v1/token", json=body).json()
    client = people.with_token(told["accessToken"])
    assert client.get("/api/v1/clusters").status_code == 200
    me = jwt.decode(told["accessToken"], options={"verify_signature": False})["sub"]
    assert client.post(f"/api/v1/users/{me}/logout").status_code == 204
    answer = client.get("/api/v1/clusters")
    assert answer.status_code == 401
    assert "has signed out" in answer.json()["message"]
    renewal = {"grantType": "refresh_token", "refreshToken": told["refreshToken"]}
    assert people.anonymous.post("/api/v1/token", json=renewal).status_code == 400
    assert good(people, people.token("researcher"))


def test_claims_survive_a_client_that_takes_them_for_plain_base64(people: Community) -> None:
    """Run:ai's client decodes the middle of a token with ``base64.b64decode``, and reads ``exp``."""
    for _ in range(20):
        middle = people.token("admin").split(".")[1]
        assert not set(middle) & set("-_")
        claims = json.loads(base64.b64decode(middle + "=" * (-len(middle) % 4)))
        assert claims["exp"] > datetime.now(UTC).timestamp() + 60


def key_of(people: Community) -> tuple[str, str]:
    with people.app.state.services.control.session() as session:
        key = session.query(SigningKey).order_by(SigningKey.created_at.desc()).first()
        return key.id, key.secret


FORGED: dict[str, dict[str, Any]] = {
    "expired": {"exp": datetime.now(UTC) - timedelta(seconds=1)},
    "another audience": {"aud": "another"},
    "another issuer": {"iss": "another"},
    "another kind": {"kind": "root"},
    "nobody": {"sub": "made-up"},
    "a later epoch": {"epoch": 7},
    "no subject": {"sub": None},
    "never expires": {"exp": None},
}


@pytest.mark.parametrize("change", FORGED)
def test_a_token_that_says_something_else_is_refused(people: Community, change: str) -> None:
    """Signed with the right key, so that the claim is what it is refused for."""
    key, secret_of_key = key_of(people)
    claims = jwt.decode(people.token("admin"), options={"verify_signature": False})
    same = jwt.encode(claims, secret_of_key, "HS256", headers={"kid": key})
    assert good(people, same)
    claims = {name: value for name, value in (claims | FORGED[change]).items() if value is not None}
    assert not good(people, jwt.encode(claims, secret_of_key, "HS256", headers={"kid": key}))


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_token_that_is_signed_in_another_way_is_refused(people: Community) -> None:
    key, secret_of_key = key_of(people)
    token = people.token("admin")
    claims = jwt.decode(token, options={"verify_signature": False})
    head, body, _ = token.split(".")
    forged = [
        jwt.encode(claims, "", "none", headers={"kid": key}),
        jwt.encode(claims, "k" * 64, "HS256", headers={"kid": key}),
        jwt.encode(claims, "k" * 64, "HS256", headers={"kid": "../../dev/null"}),
        jwt.encode(claims, "k" * 64, "HS256"),
        jwt.encode(claims, secret_of_key, "HS512", headers={"kid": key}),
        f"{head}.{body}.",
        f"{head}.{body}",
        sign_with_nothing(head, body),
    ]
    assert good(people, token)
    for bad in forged:
        assert not good(people, bad)


def sign_with_nothing(head: str, body: str) -> str:
    signature = hmac.new(b"", f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_keys_are_rotated_and_withdrawn(people: Community) -> None:
    tokens = people.app.state.services.tokens
    before = people.token("viewer")
    tokens.rotate()
    after = people.token("viewer")
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    assert good(people, before)
    assert good(people, after)
    tokens.revoke_all()
    assert not good(people, before)
    assert not good(people, after)
    assert good(people, people.token("viewer"))


@pytest.mark.parametrize(
    ("grant", "known", "made_up"),
    [
        ("password", {"username": ADA, "password": "wrong"}, {"username": "x@y.z", "password": "wrong"}),
        (
            "client_credentials",
            {"clientID": "robot", "clientSecret": "wrong"},
            {"clientID": "x", "clientSecret": "wrong"},
        ),
        (
            "client_credentials",
            {"clientID": "robot", "clientSecret": secret.make_secret()},
            {"clientID": "x", "clientSecret": secret.make_secret()},
        ),
    ],
)
def test_an_unknown_account_takes_the_time_of_a_wrong_secret(
    people: Community, monkeypatch: pytest.MonkeyPatch, grant: str, known: dict[str, str], made_up: dict[str, str]
) -> None:
    """What takes time is hashing: it is done as often, and answered in the same words."""
    hashed: list[str] = []
    verify, digest = secret.HASHER.verify, secret.digest

    class Counting:
        def verify(self, stored: str, given: str) -> bool:
            hashed.append("slow")
            return verify(stored, given)

    def counting(text: str) -> str:
        hashed.append("fast")
        return digest(text)

    monkeypatch.setattr(secret, "HASHER", Counting())
    monkeypatch.setattr(secret, "digest", counting)
    told = []
    for given in (known, made_up):
        hashed.clear()
        answer = people.anonymous.post("/api/v1/token", json={"grantType": grant} | given)
        told.append((answer.status_code, answer.json(), list(hashed)))
    assert told[0] == told[1]
    assert len(told[0][2]) == 1


def test_who_guesses_gets_slower_and_whoever_knows_does_not(tmp_path: Path) -> None:
    with community(tmp_path) as people:
        wrong = {"grantType": "password", "username": ADA, "password": "guess"}
        told = [people.anonymous.post("/api/v1/token", json=wrong) for _ in range(8)]
        assert {answer.status_code for answer in told} == {400}
        assert "too many attempts failed; try again in" in told[-1].json()["message"]
        assert "too many" not in told[0].json()["message"]
        right = {"grantType": "password", "username": ADA, "password": PASSWORD}
        assert "too many" in people.anonymous.post("/api/v1/token", json=right).json()["message"]
        assert people.token("viewer")


def test_auth_that_is_off_gives_everybody_the_administrators_view_and_says_so(tmp_path: Path) -> None:
    with community(tmp_path, mode="off") as people:
        answer = people.anonymous.get("/api/v1/users")
        assert (answer.status_code, answer.headers["X-Auth-Mode"]) == (200, "off")
        body = {"grantType": "app_token", "AppId": "whoever", "AppSecret": "whatever"}
        assert people.anonymous.post("/api/v1/token", json=body).status_code == 200
