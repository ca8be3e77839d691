"""Everything that the OpenAPI document describes, asked with made-up values: no defect, and every answer as documented."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from metrics_api.app import create_app
from metrics_api.endpoint import Endpoint
from metrics_api.routes import ENDPOINTS
from queries.control.applications import create_application
from tests.depth import deep
from tests.served import settings_for

EXAMPLES = deep(7)

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def app(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """With a control database of its own, in which anything may be deleted."""
    settings = settings_for(folder)
    control = f"sqlite:///{tmp_path_factory.mktemp('control') / 'control.sqlite'}"
    store = settings.store.model_copy(update={"control": control})
    app = create_app(settings.model_copy(update={"store": store}))
    create_application(app.state.services.control, "tests", "id", "secret")
    yield app
    app.state.services.stop()


@pytest.fixture(scope="module")
def client(app: Starlette) -> TestClient:
    credentials = {"grantType": "client_credentials", "clientID": "id", "clientSecret": "secret"}
    token = TestClient(app).post("/api/v1/token", json=credentials).json()["accessToken"]
    return TestClient(app, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def document(app: Starlette) -> schemathesis.BaseSchema:
    async def running(scope: Scope, receive: Receive, send: Send) -> None:
        """The application, that is not started and stopped with every question."""
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for done in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{done}.complete"})

    return schemathesis.openapi.from_asgi("/openapi.json", running)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_every_answer_is_as_documented(
    endpoint: Endpoint, document: schemathesis.BaseSchema, client: TestClient
) -> None:
    signed_in = {} if endpoint.is_public else {"Authorization": client.headers["Authorization"]}

    @given(case=document[endpoint.path][endpoint.method].as_strategy())
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, headers=signed_in)

    ask()
