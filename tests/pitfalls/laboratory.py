"""Laboratory: every pitfall's series in a real Prometheus, collected into a lake that the real app serves."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from starlette.testclient import TestClient

from collectors.collect import collect
from collectors.prometheus import Prometheus
from metrics_api.app import create_app
from queries.lake import Lake
from queries.settings import Settings
from queries.window import HOUR, Window
from tests.pitfalls.pitfall import ONE, PITFALLS, SEVERAL, Pitfall
from tests.series import openmetrics
from tests.servers import prometheus

FIRST = datetime(2024, 1, 1, tzinfo=UTC)

APART = timedelta(days=8)
"""Nodes are remembered for seven days: pitfalls further apart know nothing of each other."""


LATER = FIRST + len(PITFALLS) * APART


@dataclass(frozen=True)
class Laboratory:
    """prometheus: its address; api: a client of the app."""

    prometheus: str
    api: TestClient
    session: requests.Session


def start_of(pitfall: Pitfall) -> datetime:
    return FIRST + PITFALLS.index(pitfall) * APART


def hours_of(pitfall: Pitfall) -> list[Window]:
    """The hours that we are asked about."""
    start = start_of(pitfall)
    return list(Window(start, start + -(-pitfall.written.ours.until // 60) * HOUR).hours())


@contextmanager
def laboratory(folder: Path) -> Iterator[Laboratory]:
    pages = (openmetrics(pitfall.series, start_of(pitfall)) for pitfall in PITFALLS)
    with prometheus(folder, pages) as server:
        settings = settings_of(server.url, folder / "lake")
        collect_all(settings)
        app = create_app(settings)
        session = requests.Session()
        session.trust_env = False
        yield Laboratory(server.url, TestClient(app), session)
        app.state.services.stop()


def settings_of(url: str, lake: Path) -> Settings:
    one = {"name": ONE, "prometheus": url}
    several = [{"name": name, "prometheus": url, "match": {"cluster": name}} for name in SEVERAL]
    return Settings.model_validate({"store": {"path": str(lake)}, "auth": {"mode": "off"}, "clusters": [one, *several]})


def collect_all(settings: Settings) -> None:
    lake = Lake(settings.store.path)
    lake.create()
    for cluster in settings.clusters:
        pitfalls = [pitfall for pitfall in PITFALLS if cluster.name in pitfall.clusters]
        hours = itertools.chain.from_iterable(hours_of(pitfall) for pitfall in pitfalls)
        done = list(collect(Prometheus(cluster), lake, hours, at_once=4, clock=lambda: LATER))
        assert all(each.is_written for each in done)
