"""What tests of the API share: a service with a price list and a department."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.settings import Settings
from tests.served import settings_for

PRICED = {
    "prices": [{"gpu_model": "NVIDIA*", "per_gpu_hour": 2, "currency": "EUR"}],
    "departments": [{"name": "research", "projects": ["a"]}],
}


@pytest.fixture(scope="package")
def priced(folder: Path) -> Iterator[TestClient]:
    settings = settings_for(folder, "off").model_dump(mode="json") | PRICED
    with TestClient(create_app(Settings.model_validate(settings))) as client:
        yield client
