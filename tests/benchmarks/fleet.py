"""Fleet: several clusters, each with a Prometheus of its own, all of them in one VictoriaMetrics and in one lake."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import requests
from rich.progress import track

from collectors.upkeep import keep_up
from queries.lake import Lake
from queries.settings import Settings
from queries.window import Window
from tests.benchmarks.servers import collect, import_lines, kept, new_lake, prometheus_of
from tests.benchmarks.site import DAY, METRICS, Site
from tests.servers import Server, flush, victoria

FOUR = tuple(METRICS)[:4]


@dataclass(frozen=True)
class Fleet:
    """So many clusters alike, scraped at the full minute."""

    clusters: int
    gpus: int
    days: int

    @property
    def sites(self) -> list[Site]:
        return [Site(self.gpus, self.days, True, number, FOUR) for number in range(1, self.clusters + 1)]

    @property
    def name(self) -> str:
        return f"{self.clusters}-clusters-of-{self.gpus}-gpus-{self.days}-days"

    @property
    def window(self) -> Window:
        return self.sites[0].window


@contextmanager
def prometheus_each(fleet: Fleet, folder: Path) -> Iterator[list[Server]]:
    """A Prometheus for each cluster."""
    with ExitStack() as servers:
        yield [servers.enter_context(prometheus_of(site, folder)) for site in fleet.sites]


@contextmanager
def victoria_of_all(fleet: Fleet, folder: Path) -> Iterator[Server]:
    """One VictoriaMetrics with the samples of all clusters, told apart by a label."""

    def write(own: Path) -> None:
        with victoria(own) as server, requests.Session() as session:
            places = [(site, node) for site in fleet.sites for node in range(site.nodes)]
            for site, node in track(places, f"writing {fleet.name} for VictoriaMetrics"):
                session.post(
                    f"{server.url}/api/v1/import",
                    params={"extra_label": f"cluster={site.cluster_name}"},
                    data=import_lines(site.of_node(node, range(site.days * DAY))),
                    timeout=600,
                ).raise_for_status()
            flush(server.url)

    with victoria(kept(folder / fleet.name / "victoria", write)) as server:
        yield server


def lake_of(fleet: Fleet, servers: list[Server], folder: Path) -> Lake:
    """The lake that our collector made of what the servers hold, kept up as a served lake is every hour."""

    def write(own: Path) -> None:
        lake = new_lake(own / "lake")
        for site, server in zip(fleet.sites, servers, strict=True):
            collect(site, server.url, lake)
        for _ in keep_up(lake, Settings(), fleet.window.end + timedelta(hours=1)):
            pass

    return new_lake(kept(folder / fleet.name / "collected", write) / "lake")
