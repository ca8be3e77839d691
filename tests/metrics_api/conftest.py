"""What tests of the API share: a service with a price list and a department, and questions that are watched or slow."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pytest
from starlette.testclient import TestClient

import tests.live
from metrics_api import telemetry
from metrics_api.app import create_app
from queries import nodes, observations, question
from queries.engine import Engine
from queries.settings import Settings
from tests.live import NOW
from tests.served import SLOW, settings_for

PRICED = {
    "prices": [{"gpu_model": "NVIDIA*", "per_gpu_hour": 2, "currency": "EUR"}],
    "departments": [{"name": "research", "projects": ["a"]}],
}


@pytest.fixture(scope="module", autouse=True)
def _on_time() -> Iterator[None]:
    """What lives until now (tests/live.py) was made when the tests began, and is not late because they take long."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((question, "LATE"), (observations, "LATE"), (telemetry, "NEWEST"), (nodes, "NEWEST")):
            patch.setattr(module, name, getattr(module, name) + (datetime.now(UTC) - NOW))
        yield


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A service that everyone may ask, with the lake of tests/live.py."""
    folder = tmp_path_factory.mktemp("live")
    tests.live.fill(folder)
    app = create_app(tests.live.settings_for(folder))
    yield TestClient(app)
    app.state.services.stop()


@pytest.fixture(scope="package")
def priced(folder: Path) -> Iterator[TestClient]:
    settings = settings_for(folder, "off").model_dump(mode="json") | PRICED
    with TestClient(create_app(Settings.model_validate(settings))) as client:
        yield client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that DuckDB is asked."""
    names: list[str] = []
    run = Engine._run

    def noting(self: Engine, question: str, *arguments: Any, **named: Any) -> Any:
        names.append(question)
        return run(self, question, *arguments, **named)

    monkeypatch.setattr(Engine, "_run", noting)
    return names


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Every question takes days. Set when one was begun."""
    begun = threading.Event()

    def read(*_: str) -> Any:
        begun.set()
        return jinja2.Template(SLOW)

    monkeypatch.setattr("queries.engine.read_template", read)
    return begun
