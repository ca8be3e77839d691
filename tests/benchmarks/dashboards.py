"""Dashboards: the questions of panels over HTTP, beside Prometheus, VictoriaMetrics and DuckDB on the same files; and many
dashboards at once."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import requests
from rich.console import Console
from rich.table import Table

from metrics_api.demo.servers import free_port, start, stop, wait_until_ready
from queries.lake import Lake
from tests.benchmarks.asking import serve
from tests.benchmarks.findings import Finding
from tests.benchmarks.fleet import Fleet, lake_of, prometheus_each, victoria_of_all
from tests.benchmarks.load import load
from tests.benchmarks.panels import Api, Backend, Panel, panels_of
from tests.benchmarks.timing import Turns, check_equal, take_turns

SECONDS = 10.0
"""How long the API is loaded."""

CLIENTS = 4
"""How many ask at once where requests per second are counted."""

DASHBOARDS = 100

ENOUGH = 0.005
"""Seconds that nobody notices."""


@dataclass(frozen=True)
class Ways:
    """The same data behind five doors."""

    ours: Api
    cached: Api
    prometheus: Backend
    victoria: Backend
    lake: Lake

    def turns(self, panel: Panel, rounds: int) -> Turns:
        return take_turns(
            rounds,
            {
                "ours": lambda: panel.ours(self.ours),
                "cached": lambda: panel.ours(self.cached),
                "prometheus": lambda: panel.theirs(self.prometheus),
                "victoria": lambda: panel.theirs(self.victoria),
                "bare": lambda: panel.bare(self.lake),
            },
        )


def compare_dashboards(console: Console, fleet: Fleet, folder: Path, rounds: int) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch, ways_of(fleet, folder, Path(scratch)) as ways:
        panels = panels_of(fleet)
        for panel in panels:
            ours = pd.Series(panel.ours(ways.ours))
            for name, backend in (("Prometheus", ways.prometheus), ("VictoriaMetrics", ways.victoria)):
                console.print(f"  {panel.name}, {name}: {check_equal(ours, pd.Series(panel.theirs(backend)))}")
        turns = {panel: ways.turns(panel, rounds) for panel in panels}
        console.print(table_of_turns(turns))
        return [*findings_of(turns), *loaded(console, ways, panels, Path(scratch))]


@contextmanager
def ways_of(fleet: Fleet, folder: Path, scratch: Path) -> Iterator[Ways]:
    names = [site.cluster_name for site in fleet.sites]
    with (
        prometheus_each(fleet, folder) as servers,
        victoria_of_all(fleet, folder) as victoria,
        requests.Session() as session,
    ):
        session.headers["Accept-Encoding"] = "identity"
        lake = lake_of(fleet, servers, folder)
        with (
            serve(config_for(lake, scratch / "uncached.toml", 0)) as ours,
            serve(config_for(lake, scratch / "cached.toml", 100_000_000)) as cached,
        ):
            for url in (ours, cached):
                wait_until_held(url, session)
            yield Ways(
                Api(ours, session),
                Api(cached, session),
                Backend([server.url for server in servers], names),
                Backend([victoria.url], names, "cluster", beyond=0, options=(("nocache", "1"),)),
                lake,
            )


def config_for(lake: Lake, path: Path, cache_bytes: int) -> Path:
    path.write_text(f'[store]\npath = "{lake.folder}"\n[auth]\nmode = "off"\n[limits]\ncache_bytes = {cache_bytes}\n')
    return path


def wait_until_held(url: str, session: requests.Session) -> None:
    """Until the API holds in memory what it will hold."""
    before = -1.0
    while (held := held_bytes(url, session)) != before or not held:
        before = held
        time.sleep(15)


def held_bytes(url: str, session: requests.Session) -> float:
    lines = session.get(f"{url}/metrics", timeout=60).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("metrics_api_hot_bytes "))


def table_of_turns(turns: dict[Panel, Turns]) -> Table:
    names = {
        "ours": "ours, ms",
        "cached": "cached, ms",
        "prometheus": "Prometheus, ms",
        "victoria": "VictoriaMetrics, ms",
        "bare": "bare DuckDB, ms",
    }
    table = Table("question", *names.values(), title="medians, over HTTP")
    for panel, taken in turns.items():
        table.add_row(panel.name, *(f"{taken.median(name) * 1000:,.1f}" for name in names))
    return table


def findings_of(turns: dict[Panel, Turns]) -> Iterator[Finding]:
    for panel, taken in turns.items():
        most = (1 / 100, 1 / 5) if panel.is_of_30_days else (None, None)
        yield Finding(f"{panel.name}: beside Prometheus", taken.ratio("ours", "prometheus"), "times", most[0])
        yield Finding(f"{panel.name}: beside VictoriaMetrics", taken.ratio("ours", "victoria"), "times", most[1])
        is_near = taken.median("ours") - taken.median("bare") <= 0.002
        near = 0.0 if is_near else taken.ratio("ours", "bare")
        yield Finding(f"{panel.name}: beside bare DuckDB (0: within 2 ms)", near, "times", 2)
    slow = [
        panel for panel, taken in turns.items() if taken.ratio("ours", "victoria") > 1 and taken.median("ours") > ENOUGH
    ]
    yield Finding("questions that are slower than VictoriaMetrics and above 5 ms", len(slow), "of 6", 0)


def loaded(console: Console, ways: Ways, panels: Sequence[Panel], scratch: Path) -> Iterator[Finding]:
    """Requests per second of an answer that is kept, beside a route that returns the same bytes; and how long answers
    take while many dashboards ask."""
    paths = {panel: path_of(panel, ways.cached) for panel in panels}
    ratios = []
    for panel, path in paths.items():
        body = scratch / "body"
        body.write_bytes(ways.cached.session.get(ways.cached.url + path, timeout=60).content)
        with serve_plain(body) as plain:
            ours = load(ways.cached.url, [path], CLIENTS, SECONDS / 2).per_second
            other = load(plain, ["/plain"], CLIENTS, SECONDS / 2).per_second
        console.print(f"  {panel.name}, kept: {ours:,.0f} a second; a plain route {other:,.0f}")
        ratios.append(other / ours)
    yield Finding(
        "requests per second of a plain route, per one of an answer that is kept", max(ratios), "times", 1 / 0.6
    )
    for name, url in (("kept", ways.cached.url), ("never kept", ways.ours.url)):
        many = load(url, list(paths.values()), DASHBOARDS, SECONDS)
        console.print(
            f"  {DASHBOARDS} dashboards, answers {name}: {many.per_second:,.0f} a second, median"
            f" {many.percentile(50) * 1000:,.0f} ms, 99 of 100 within {many.percentile(99) * 1000:,.0f} ms"
        )


def path_of(panel: Panel, api: Api) -> str:
    """What a panel asks for."""
    asked: list[str] = []
    session = requests.Session()
    session.hooks["response"].append(lambda answer, **_: asked.append(answer.url))
    panel.ours(Api(api.url, session))
    url = urlsplit(asked[-1])
    return f"{url.path}?{url.query}"


@contextmanager
def serve_plain(body: Path) -> Iterator[str]:
    """A plain Starlette route, served as we are."""
    log, port = body.with_suffix(".log"), free_port()
    process = start(
        [
            *(sys.executable, "-m", "uvicorn", "tests.benchmarks.plain:app", "--port", str(port)),
            *("--log-level", "warning", "--no-access-log"),
        ],
        log,
        {**os.environ, "PLAIN_BODY": str(body)},
    )
    try:
        wait_until_ready("the plain route", f"http://127.0.0.1:{port}/plain", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop([process])
