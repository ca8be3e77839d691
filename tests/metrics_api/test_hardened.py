"""Headers that every answer has, and what browsers are refused."""

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.hardened import HEADERS
from tests.served import settings_for

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"

ANONYMOUS = [
    ("GET", "/", 200),
    ("GET", "/api/docs", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/web/page.js", 200),
    ("GET", "/web/nowhere.js", 404),
    ("GET", "/assets/swagger/swagger-ui.css", 200),
    ("GET", "/healthz", 200),
    ("HEAD", "/healthz", 200),
    ("GET", "/metrics", 200),
    ("GET", "/nowhere", 404),
    ("PUT", "/healthz", 405),
    ("OPTIONS", "/api/v1/users", 405),
    ("GET", "/api/v1/users", 401),
    ("POST", "/api/v1/token", 400),
    ("POST", "/api/v2/token", 400),
    ("POST", "/grafana/query", 401),
    ("GET", "/api/datasources/proxy/1/api/v1/query", 401),
]

SIGNED_IN = [
    ("GET", f"/api/v1/ledger?{DURING}", 200),
    ("GET", f"/api/v1/ledger?{DURING}&format=csv", 200),
    ("GET", "/api/v1/ledger?start=never", 400),
    ("GET", f"/api/v1/exports/ledger_hours?{DURING}", 200),
    ("GET", "/api/v1/users", 200),
    ("GET", "/api/v1/users/1", 404),
    ("GET", "/api/v1/audit/log/file", 200),
    ("GET", "/v1/k8s/clusters/1/metrics", 404),
    ("POST", "/grafana/query", 200),
    ("GET", "/grafana/query?target=nothing", 400),
]

KEPT = ("/", "/api/docs", "/openapi.json", "/web/page.js", "/assets/swagger/swagger-ui.css")


@pytest.mark.parametrize(("method", "path", "status"), ANONYMOUS + SIGNED_IN)
def test_every_answer_is_hardened(
    anonymous: TestClient, client: TestClient, method: str, path: str, status: int
) -> None:
    asking = anonymous if (method, path, status) in ANONYMOUS else client
    answer = asking.request(method, path, headers={"Origin": "https://evil.example.com"})
    assert answer.status_code == status
    for name in HEADERS:
        assert answer.headers[name]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [
        name for name in answer.headers if name.startswith(("access-control-", "server", "x-powered", "x-auth"))
    ]


@pytest.mark.parametrize(("method", "path", "status"), ANONYMOUS + SIGNED_IN)
def test_what_is_personal_is_kept_by_nobody_else(
    anonymous: TestClient, client: TestClient, method: str, path: str, status: int
) -> None:
    asking = anonymous if (method, path, status) in ANONYMOUS else client
    headers = asking.request(method, path).headers
    if path in KEPT:
        assert headers["Cache-Control"] in ("no-cache", "public, max-age=86400")
    elif headers["Cache-Control"] != "no-store":
        assert headers["Cache-Control"].startswith("private")
        assert {"Accept", "Authorization"} <= {name.strip() for name in headers["Vary"].split(",")}


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_an_answer_that_has_not_changed_is_hardened(client: TestClient, form: str) -> None:
    asked = f"/api/v1/ledger?{DURING}&format={form}"
    etag = client.get(asked).headers["ETag"]
    same = client.get(asked, headers={"If-None-Match": etag})
    assert same.status_code == 304
    assert all(same.headers[name] for name in HEADERS)
    assert same.headers["Cache-Control"].startswith("private")
    assert same.headers["Vary"]
    assert same.headers["X-Content-Type-Options"] == "nosniff"


def test_secrets_that_are_told_once_are_kept_nowhere(client: TestClient) -> None:
    made = client.post("/api/v1/service-accounts", json={"name": "hardened"})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    account = made.json()["id"]
    assert client.post(f"/api/v1/service-accounts/{account}/secret").headers["Cache-Control"] == "no-store"
    assert client.delete(f"/api/v1/service-accounts/{account}").status_code == 204


@pytest.mark.parametrize("path", ["/", "/api/docs"])
def test_pages_load_and_run_what_comes_from_here_alone(anonymous: TestClient, path: str) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in anonymous.get(path).headers["Content-Security-Policy"].split(";")
    )
    assert policy["script-src"] == policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"


def test_pages_of_other_sites_change_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also where nobody signs in, so that a browser needs no secret to ask."""
    settings = settings_for(tmp_path_factory.mktemp("open"), "off")
    with TestClient(create_app(settings)) as client:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = '{"name": "made-elsewhere"}'
        for site, status in (("cross-site", 403), ("same-origin", 201)):
            answer = client.post("/api/v1/service-accounts", content=body, headers=form | {"Sec-Fetch-Site": site})
            assert answer.status_code == status
        assert client.get("/api/v1/service-accounts", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
        assert client.get("/healthz").headers["X-Auth-Mode"] == "off"
