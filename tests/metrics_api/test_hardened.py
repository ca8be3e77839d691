"""Headers that every answer has."""

import pytest
from starlette.testclient import TestClient

from metrics_api.hardened import HEADERS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/api/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/web/page.js", 200),
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/healthz", 405),
        ("GET", "/api/v1/users", 401),
        ("POST", "/api/v1/token", 400),
        ("POST", "/api/v2/token", 400),
        ("POST", "/grafana/query", 401),
    ],
)
def test_every_answer_is_hardened(anonymous: TestClient, method: str, path: str, status: int) -> None:
    answer = anonymous.request(method, path)
    assert answer.status_code == status
    for name in HEADERS:
        assert answer.headers[name]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "X-Auth-Mode" not in answer.headers
