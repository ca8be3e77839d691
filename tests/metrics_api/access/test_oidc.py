"""Tokens of an identity provider, whose keys a small server of ours publishes."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from queries.control.roles import RESEARCHER
from queries.control.rules import NewRule, add_rule
from queries.ids import project_id
from tests.metrics_api.community import PASSWORD, Community, community

ISSUER, AUDIENCE = "https://idp.example.com", "gpu-metrics"


class Publisher(HTTPServer):
    """Publishes keys, and counts how often it was asked."""

    keys: dict[str, EllipticCurvePrivateKey]
    asked = 0


class Page(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.asked += 1
        algorithm = jwt.get_algorithm_by_name("ES256")
        keys = [
            json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig", "alg": "ES256"}
            for kid, key in self.server.keys.items()
        ]
        body = json.dumps({"keys": keys}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        pass


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with Publisher(("127.0.0.1", 0), Page) as server:
        server.keys = {"one": generate_private_key(SECP256R1())}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def people(publisher: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    oidc = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_url": f"http://127.0.0.1:{publisher.server_port}/keys",
    }
    with community(tmp_path_factory.mktemp("people"), is_filled=True, oidc=oidc) as people:
        control = people.app.state.services.control
        with control.session() as session:
            add_rule(
                session, 1, "group", "gpu-users", NewRule(RESEARCHER.id, "project", project_id("alpha", "a")), "test"
            )
        yield people


CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "17",
    "email": "Grace@example.com",
    "groups": ["gpu-users", "others"],
}


def signed(key: EllipticCurvePrivateKey, kid: str = "one", **claims: Any) -> str:
    expiry = {"exp": datetime.now(UTC) + timedelta(minutes=5)}
    said = {name: value for name, value in (CLAIMS | expiry | claims).items() if value is not None}
    return jwt.encode(said, key, "ES256", headers={"kid": kid})


LEDGER = "/api/v1/ledger?start=2025-03-03&end=2025-03-03T04:00:00Z&by=cluster,project"


def test_a_group_has_what_its_rules_say(people: Community, publisher: Publisher) -> None:
    client = people.with_token(signed(publisher.keys["one"]))
    rows = client.get(LEDGER).json()["data"]
    assert {(row["cluster"], row["project"]) for row in rows} == {("alpha", "a")}
    assert client.get("/api/v1/users").status_code == 403
    without = people.with_token(signed(publisher.keys["one"], groups=["others"]))
    assert without.get(LEDGER).json()["data"] == []


def test_who_comes_from_there_is_listed_and_has_no_password(people: Community, publisher: Publisher) -> None:
    assert people.with_token(signed(publisher.keys["one"])).get(LEDGER).status_code == 200
    users = people.client("admin").get("/api/v1/users?filterBy=type==sso").json()
    assert [(user["username"], user["isLocal"], user["groups"]) for user in users] == [
        ("grace@example.com", False, ["gpu-users", "others"])
    ]
    body = {"grantType": "password", "username": "grace@example.com", "password": PASSWORD}
    assert people.anonymous.post("/api/v1/token", json=body).status_code == 400


def test_its_token_can_be_exchanged_for_one_of_ours(people: Community, publisher: Publisher) -> None:
    body = {"grantType": "external_token_exchange", "externalToken": signed(publisher.keys["one"])}
    token = people.anonymous.post("/api/v1/token", json=body).json()["accessToken"]
    rows = people.with_token(token).get(LEDGER).json()["data"]
    assert {(row["cluster"], row["project"]) for row in rows} == {("alpha", "a")}


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": datetime.now(UTC) - timedelta(hours=1)}, "has expired"),
        ({"exp": None}, "exp"),
        ({"aud": "another"}, "Audience"),
        ({"aud": None}, "aud"),
        ({"email": None}, "has no claim 'email'"),
        ({"email_verified": False}, "has not verified this email"),
        ({"email": "admin@example.com"}, "is a user of our own"),
        ({"kid": "unknown"}, "does not publish"),
    ],
)
def test_what_is_not_right_is_refused(
    people: Community, publisher: Publisher, claims: dict[str, Any], said: str
) -> None:
    answer = people.with_token(signed(publisher.keys["one"], **claims)).get(LEDGER)
    assert answer.status_code == 401
    assert said in answer.json()["message"]


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_what_somebody_else_signed_is_refused(people: Community, publisher: Publisher) -> None:
    public = publisher.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = CLAIMS | {"exp": datetime.now(UTC) + timedelta(minutes=5)}
    for token in (
        signed(generate_private_key(SECP256R1())),
        signed(publisher.keys["one"], iss="https://elsewhere.example.com"),
        jwt.encode(claims, "", "none", headers={"kid": "one"}),
        signed_by_hand(claims, public),
    ):
        assert people.with_token(token).get(LEDGER).status_code == 401


def signed_by_hand(claims: dict[str, Any], secret: bytes) -> str:
    """The public key, taken for a secret: libraries refuse to sign so."""
    token = jwt.encode(claims, "k" * 64, "HS256", headers={"kid": "one"})
    content, _, _ = token.rpartition(".")
    signature = hmac.digest(secret, content.encode(), "sha256")
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_made_up_keys_do_not_make_us_ask_the_provider_each_time(people: Community, publisher: Publisher) -> None:
    people.with_token(signed(publisher.keys["one"])).get(LEDGER)
    before = publisher.asked
    for number in range(5):
        people.with_token(signed(publisher.keys["one"], f"made-up-{number}")).get(LEDGER)
    assert publisher.asked <= before + 1


def test_a_new_key_of_the_provider_is_found(
    people: Community, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics_api.access.oidc.PAUSE_SECONDS", -1.0)
    publisher.keys["two"] = generate_private_key(SECP256R1())
    assert people.with_token(signed(publisher.keys["two"], "two")).get(LEDGER).status_code == 200
