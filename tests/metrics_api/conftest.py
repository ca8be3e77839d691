"""An application on a lake of two clusters, and a client that is signed in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.control.applications import create_application
from queries.lake import Lake
from queries.settings import Settings
from tests.queries.test_question import ALL, HOURS, drawn

HOSTILE = '=HYPERLINK("http://x")<img src=x onerror=alert(1)>%{y}'
"""The name of a project that somebody made up to do harm."""


def settings_for(folder: Path, mode: str = "required") -> Settings:
    clusters = [{"name": name, "prometheus": "http://127.0.0.1:1"} for name in ("alpha", "beta")]
    return Settings.model_validate({"store": {"path": str(folder)}, "auth": {"mode": mode}, "clusters": clusters})


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which a project has a hostile name."""
    folder = tmp_path_factory.mktemp("served")
    lake = Lake(str(folder))
    lake.create()
    hostile = drawn("beta", 2, 1.0)
    hostile.rows["pod_facts"][0]["labels"] = [("label_project", HOSTILE)]
    for sketch in (drawn("alpha", 4, 0.5), hostile):
        booked = sketch.book(HOURS)
        for hour in ALL.hours():
            lake.replace(hour, booked.of(hour))
    return folder


@pytest.fixture(scope="session")
def app(folder: Path) -> Iterator[Starlette]:
    app = create_app(settings_for(folder))
    create_application(app.state.services.control, "tests", "id", "secret")
    yield app
    app.state.services.stop()


@pytest.fixture(scope="session")
def anonymous(app: Starlette) -> TestClient:
    return TestClient(app)


@pytest.fixture(scope="session")
def client(app: Starlette, anonymous: TestClient) -> TestClient:
    credentials = {"grantType": "client_credentials", "clientID": "id", "clientSecret": "secret"}
    token = anonymous.post("/api/v1/token", json=credentials).json()["accessToken"]
    return TestClient(app, headers={"Authorization": f"Bearer {token}"})
