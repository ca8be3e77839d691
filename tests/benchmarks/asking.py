"""Asking for the hourly utilization by project over seven days: our API over HTTP, beside Prometheus itself."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from rich.console import Console
from rich.progress import track

from collectors.collector import Collector
from collectors.upkeep import keep_up
from metrics_api.demo.servers import free_port, start, stop, wait_until_ready
from queries.lake import Lake
from queries.settings import Collect, Settings
from queries.window import HOUR, format_time, parse_time
from tests.benchmarks.site import DAYS, UTILIZATION, WEEK, cluster_at
from tests.benchmarks.timing import Comparison, check_equal, take_turns
from tests.servers import Server

HOURLY = "3599999ms"
"""An hour without its far end, which Prometheus 2 would count in as a sample more."""


@dataclass(frozen=True)
class Asking:
    """Two addresses of the same question."""

    api: str
    prometheus: str
    session: requests.Session

    def ask_api(self) -> Any:
        return self.answered(
            f"{self.api}/api/v1/metrics/range",
            metric="gpu_graphics_engine_active_ratio",
            start=format_time(WEEK.start),
            end=format_time(WEEK.end),
            step="1h",
            by="project",
        )

    def ask_prometheus(self) -> Any:
        """The mean weighted by samples. The namespace stands for the project: not even a join is needed."""
        return self.answered(
            f"{self.prometheus}/api/v1/query_range",
            query=f"sum by (namespace) (sum_over_time({UTILIZATION}[{HOURLY}]))"
            f" / sum by (namespace) (count_over_time({UTILIZATION}[{HOURLY}]))",
            start=str(WEEK.start.timestamp() + 3599.999),
            end=str(WEEK.end.timestamp() - 0.001),
            step="3600",
        )

    def answered(self, url: str, **parameters: str) -> Any:
        answer = self.session.get(url, params=parameters, timeout=600)
        answer.raise_for_status()
        return answer.json()


def of_api(answer: Any) -> "pd.Series[float]":
    """By project and Unix second."""
    times = [parse_time(time).timestamp() for time in answer["time"]]
    return pd.Series(
        {
            (series["by"]["project"], time): value
            for series in answer["series"]
            for time, value in zip(times, series["metrics"]["gpu_graphics_engine_active_ratio"], strict=True)
            if value is not None
        }
    )


def of_prometheus(answer: Any) -> "pd.Series[float]":
    """By project and Unix second of the hour's start."""
    return pd.Series(
        {
            (series["metric"]["namespace"].removeprefix("runai-"), round(time + 0.001) - 3600.0): float(value)
            for series in answer["data"]["result"]
            for time, value in series["values"]
        }
    )


def make_lake(url: str, folder: Path) -> None:
    """The site's week in a lake, kept up as a served lake is every hour. It stays for the next run."""
    lake = Lake(str(folder))
    lake.create()
    collector = Collector(cluster_at(url), lake, Collect(), clock=lambda: WEEK.end + HOUR)
    if missing := list(collector.unfinished(WEEK)):
        for _ in track(collector.fill(missing), f"collecting {DAYS} days", total=len(missing)):
            pass
        for _ in keep_up(lake, Settings(), WEEK.end + timedelta(days=1)):
            pass


@contextmanager
def api(lake: Path, folder: Path) -> Iterator[str]:
    """Our API as a process of its own, as it is served."""
    config, log, port = folder / "metrics.toml", folder / "api.log", free_port()
    config.write_text(f'[store]\npath = "{lake}"\n[auth]\nmode = "off"\n')
    process = start(
        [sys.executable, "-m", "metrics_api", "serve", "--no-collect", "--config", config],
        log,
        {**os.environ, "METRICS_API_SERVER__PORT": str(port)},
    )
    try:
        wait_until_ready("the API", f"http://127.0.0.1:{port}/healthz", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop([process])


def compare_asking(console: Console, server: Server, folder: Path, rounds: int) -> list[Comparison]:
    make_lake(server.url, folder / "lake")
    with (
        tempfile.TemporaryDirectory() as scratch,
        api(folder / "lake", Path(scratch)) as url,
        requests.Session() as session,
    ):
        ways = Asking(url, server.url, session)
        console.print(f"  {check_equal(of_api(ways.ask_api()), of_prometheus(ways.ask_prometheus()))}")
        seconds = take_turns(rounds, {"ours": ways.ask_api, "prometheus": ways.ask_prometheus})
    return [
        Comparison(
            "hourly utilization by project, seven days · Prometheus",
            seconds["ours"],
            seconds["prometheus"],
            "at least 10 times faster",
        )
    ]
