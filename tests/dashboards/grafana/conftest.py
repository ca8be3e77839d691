"""The demo's fleet, collected from real Prometheus servers for two hours, and served."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from collectors.collect import collect
from collectors.prometheus import Prometheus
from metrics_api.app import create_app
from metrics_api.demo.demo import ACCOUNTING, CARBON_INTENSITIES
from metrics_api.demo.fleet import CLUSTERS, DAY, HOUR
from metrics_api.demo.history import write_history
from queries.lake import Lake
from queries.settings import Cluster, Settings
from queries.window import Window
from tests.metrics_api.demo.pages import MONDAY
from tests.served import settings_for
from tests.servers import prometheus

AROUND = 360
"""Seconds of history beyond the ends, where samples stand into it and counters go on."""

SINCE = MONDAY + 2 * DAY + 13 * HOUR
UNTIL = SINCE + 2 * HOUR
"""An exporter of alpha crashes in the second hour."""

COLLECTED = Window(datetime.fromtimestamp(SINCE, UTC), datetime.fromtimestamp(UNTIL, UTC))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("fleet")
    lake = Lake(str(folder / "lake"))
    lake.create()
    for cluster in CLUSTERS:
        place: Path = folder / cluster.name
        place.mkdir()
        write_history(cluster, SINCE - AROUND, UNTIL + AROUND, place / "prometheus")
        with prometheus(place) as server:
            source = Prometheus(Cluster(name=cluster.name, prometheus=server.url))
            later = COLLECTED.end + timedelta(hours=1)
            assert all(done.is_written for done in collect(source, lake, COLLECTED.hours(), clock=lambda: later))  # noqa: B023
    with TestClient(create_app(accounted(settings_for(folder / "lake", "off")))) as client:
        yield client


def accounted(settings: Settings) -> Settings:
    """The same, with what the demo has of prices, departments and carbon intensities."""
    clusters = [
        cluster.model_copy(update={"carbon_intensity": CARBON_INTENSITIES[cluster.name]})
        for cluster in settings.clusters
    ]
    given = Settings.model_validate(tomllib.loads(ACCOUNTING))
    return settings.model_copy(
        update={"clusters": tuple(clusters), "prices": given.prices, "departments": given.departments}
    )
