"""What tests serve: a lake of two clusters, in which a project has a hostile name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.lake import Lake
from queries.settings import Limits, Settings
from tests.queries.test_question import ALL, HOURS, drawn

HOSTILE = '=HYPERLINK("http://x")<img src=x onerror=alert(1)>%{y}'
"""The name of a project that somebody made up to do harm."""


def settings_for(folder: Path, mode: str = "required") -> Settings:
    clusters = [{"name": name, "prometheus": "http://127.0.0.1:1"} for name in ("alpha", "beta")]
    return Settings.model_validate({"store": {"path": str(folder)}, "auth": {"mode": mode}, "clusters": clusters})


@contextmanager
def serving(folder: Path, **limits: Any) -> Iterator[TestClient]:
    """Everyone is let in, within these limits."""
    settings = settings_for(folder, "off").model_copy(update={"limits": Limits(**limits)})
    with TestClient(create_app(settings)) as client:
        yield client


def fill(folder: Path) -> None:
    """Four hours of alpha, with four GPUs, and of beta, with two."""
    lake = Lake(str(folder))
    lake.create()
    hostile = drawn("beta", 2, 1.0)
    hostile.rows["pod_facts"][0]["labels"] = [("label_project", HOSTILE)]
    for sketch in (drawn("alpha", 4, 0.5), hostile):
        booked = sketch.book(HOURS)
        for hour in ALL.hours():
            lake.replace(hour, booked.of(hour))
