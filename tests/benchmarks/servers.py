"""The real servers that tell of a site. What they store is written once and kept for the next run."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import msgspec
import requests
from rich.progress import track

from collectors.collector import Collector
from collectors.upkeep import keep_up
from queries.lake import Lake
from queries.settings import Cluster, Collect, Settings
from queries.window import HOUR
from tests.benchmarks.site import DAY, Series, Site
from tests.servers import Server, feed, flush, prometheus, victoria

LOOKBACK = "59s"
"""promtool writes no staleness markers: with more, Prometheus would count the last sample of a series repeatedly."""

PIECE = 500
"""How many series are handed to VictoriaMetrics at once."""


def prometheus_of(site: Site, folder: Path) -> AbstractContextManager[Server]:
    """A Prometheus with all samples of a site."""

    def write(own: Path) -> None:
        for day in track(range(site.days), f"writing {site.name} for Prometheus"):
            feed(own / "prometheus", openmetrics(site.series(range(day * DAY, (day + 1) * DAY))))

    own = kept(folder / site.name / "prometheus", write)
    return prometheus(own, options=[f"--query.lookback-delta={LOOKBACK}"])


def victoria_of(site: Site, folder: Path) -> AbstractContextManager[Server]:
    """A VictoriaMetrics with all samples of a site."""

    def write(own: Path) -> None:
        with victoria(own) as server, requests.Session() as session:
            for node in track(range(site.nodes), f"writing {site.name} for VictoriaMetrics"):
                lines = import_lines(site.of_node(node, range(site.days * DAY)))
                session.post(f"{server.url}/api/v1/import", data=lines, timeout=600).raise_for_status()
            flush(server.url)

    return victoria(kept(folder / site.name / "victoria", write))


def new_lake(folder: Path) -> Lake:
    lake = Lake(str(folder))
    lake.create()
    return lake


def fill(site: Site, url: str, folder: Path) -> Lake:
    """A site in a lake, kept up as a served lake is every hour."""
    lake = new_lake(folder)
    collect(site, url, lake)
    for _ in keep_up(lake, Settings(), site.window.end + timedelta(days=1)):
        pass
    return lake


def collect(site: Site, url: str, lake: Lake) -> None:
    end, hours = site.window.end, list(site.window.hours())
    collector = Collector(site.cluster(url), lake, Collect(), clock=lambda: end + HOUR)
    for _ in track(collector.fill(hours), f"collecting {site.name}", total=len(hours)):
        pass


def config_of(cluster: Cluster, folder: Path) -> Path:
    """A configuration file for a lake in a folder, and one cluster."""
    path = folder / "metrics.toml"
    path.write_text(
        f'[store]\npath = "{folder}"\n[auth]\nmode = "off"\n'
        f'[[clusters]]\nname = "{cluster.name}"\nprometheus = "{cluster.prometheus}"\nbackfill = "1h"\n'
        f"honor_labels = {json.dumps(cluster.honor_labels)}\n"
    )
    return path


def kept(own: Path, write: Callable[[Path], None]) -> Path:
    """A folder that was written to its end, now or before."""
    if not (own / "written").exists():
        own.mkdir(parents=True, exist_ok=True)
        write(own)
        (own / "written").touch()
    return own


def openmetrics(told: Iterable[Series]) -> str:
    """Series as promtool reads them."""
    families: dict[str, list[str]] = {}
    for series in told:
        matchers = ",".join(f'{label}="{value}"' for label, value in series.labels.items())
        name = f"{series.metric}{{{matchers}}}"
        lines = families.setdefault(series.metric, [f"# TYPE {series.metric} gauge"])
        lines += [f"{name} {value!r} {time / 1000}" for value, time in zip(series.values, series.times, strict=True)]
    return "\n".join([*(line for lines in families.values() for line in lines), "# EOF", ""])


def import_lines(told: Iterable[Series]) -> Iterator[bytes]:
    """Series as VictoriaMetrics imports them: one a line, as JSON."""
    for series in told:
        labels = {"__name__": series.metric} | series.labels
        line = {"metric": labels, "values": series.values, "timestamps": list(series.times)}
        yield msgspec.json.encode(line) + b"\n"
