"""What tests of projects and departments share: two tenants' people on a lake that lives until now."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

import tests.live
from metrics_api.app import create_app
from queries.settings import Settings
from tests.metrics_api.community import Community, settle


@pytest.fixture(scope="package")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """Of cluster alpha, project a is of department language. Tests leave what they find as they found it."""
    folder = tmp_path_factory.mktemp("units")
    tests.live.fill(folder)
    told = tests.live.settings_for(folder, "required").model_dump(mode="json")
    departments = [{"name": "language", "projects": ["a*"]}]
    app = create_app(Settings.model_validate(told | {"departments": departments}))
    app.state.services.discovery.run()
    settle(app.state.services.control)
    with TestClient(app) as client:
        yield Community(app, client)


@pytest.fixture(scope="package")
def admin(people: Community) -> TestClient:
    return people.client("admin")
