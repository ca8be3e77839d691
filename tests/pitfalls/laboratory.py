"""Laboratory: every pitfall's series in real Prometheus servers, collected into a lake that the real app serves."""

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
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
from tests.servers import Server, feed, prometheus

FIRST = datetime(2024, 1, 1, tzinfo=UTC)

APART = timedelta(days=8)
"""Nodes are remembered for seven days: pitfalls further apart know nothing of each other."""

FEEDERS = 2


@dataclass(frozen=True)
class Laboratory:
    """view: the Prometheus that dashboards ask; api: a client of the app."""

    view: str
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
    with ExitStack() as stack:
        servers = {name: stack.enter_context(served(name, folder / name)) for name in (ONE, *SEVERAL)}
        settings = settings_of(servers, folder / "lake")
        collect_all(settings)
        app = create_app(settings)
        stack.callback(app.state.services.stop)
        session = requests.Session()
        session.trust_env = False
        yield Laboratory(servers[ONE].url, TestClient(app), session)


@contextmanager
def served(cluster: str, folder: Path) -> Iterator[Server]:
    """A Prometheus with the series of those pitfalls that the cluster has a part in, each in a time of its own."""
    own = [pitfall for pitfall in PITFALLS if cluster in (ONE, *pitfall.clusters)]
    with ThreadPoolExecutor(FEEDERS) as feeders:
        for _ in feeders.map(lambda pitfall: write(pitfall, cluster, folder), own):
            pass
    for storage in sorted(folder.glob("*/storage")):
        for block in storage.iterdir():
            (folder / "prometheus").mkdir(exist_ok=True)
            block.rename(folder / "prometheus" / block.name)
    with prometheus(folder) as server:
        yield server


def write(pitfall: Pitfall, cluster: str, folder: Path) -> None:
    feed(folder / pitfall.name / "storage", openmetrics(pitfall.series_of(cluster), start_of(pitfall)))


def settings_of(servers: Mapping[str, Server], lake: Path) -> Settings:
    clusters = [{"name": name, "prometheus": server.url} for name, server in servers.items()]
    return Settings.model_validate({"store": {"path": str(lake)}, "auth": {"mode": "off"}, "clusters": clusters})


def collect_all(settings: Settings) -> None:
    lake = Lake(settings.store.path)
    lake.create()
    for cluster in settings.clusters:
        pitfalls = [pitfall for pitfall in PITFALLS if cluster.name in pitfall.clusters]
        hours = itertools.chain.from_iterable(hours_of(pitfall) for pitfall in pitfalls)
        later = FIRST + len(PITFALLS) * APART
        done = list(collect(Prometheus(cluster), lake, hours, at_once=4, clock=lambda later=later: later))  # type: ignore[misc]
        assert all(each.is_written for each in done)
