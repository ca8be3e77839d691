"""What all tests share: an application on a lake of two clusters, and a client that is signed in."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import settings
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.control import secret
from queries.control.applications import create_application
from queries.logs import write_logs
from tests.served import fill, settings_for

ROOT = Path(__file__).parent.parent

settings.register_profile("unhurried", deadline=None)  # no test is about time
settings.load_profile("unhurried")

secret.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # passwords of tests are worth nothing
secret.NOBODYS_HASH = secret.HASHER.hash("nobody's")

write_logs()  # as the programs do: structlog's own tracebacks draw every variable, which takes longer than most tests

os.environ["PATH"] = f"{ROOT / '.tools/usr/bin'}:{os.environ['PATH']}"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("METRICS_API_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_of_every_level() -> None:
    """Whatever commands that ran before have silenced."""
    write_logs()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    fill(folder)
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
