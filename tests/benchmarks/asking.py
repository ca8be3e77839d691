"""Asking for the hourly utilization by project over seven days: our API over HTTP, beside Prometheus itself."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from rich.console import Console

from metrics_api.demo.servers import free_port, start, stop, wait_until_ready
from queries.window import Window, format_time, parse_time
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import fill
from tests.benchmarks.site import UTILIZATION, Site
from tests.benchmarks.timing import check_equal, take_turns
from tests.servers import Server

HOURLY = "3599999ms"
"""An hour without its far end, which Prometheus 2 would count in as a sample more."""


@dataclass(frozen=True)
class Asking:
    """Two addresses of the same question."""

    api: str
    prometheus: str
    window: Window
    session: requests.Session

    def ask_api(self) -> Any:
        return self.answered(
            f"{self.api}/api/v1/metrics/range",
            metric="gpu_graphics_engine_active_ratio",
            start=format_time(self.window.start),
            end=format_time(self.window.end),
            step="1h",
            by="project",
        )

    def ask_prometheus(self) -> Any:
        """The mean weighted by samples. The namespace stands for the project: not even a join is needed."""
        return self.answered(
            f"{self.prometheus}/api/v1/query_range",
            query=f"sum by (namespace) (sum_over_time({UTILIZATION}[{HOURLY}]))"
            f" / sum by (namespace) (count_over_time({UTILIZATION}[{HOURLY}]))",
            start=str(self.window.start.timestamp() + 3599.999),
            end=str(self.window.end.timestamp() - 0.001),
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


@contextmanager
def serve(config: Path) -> Iterator[str]:
    """Our API as a process of its own, as it is served, with its collector if it has any cluster."""
    log, port = config.with_suffix(".log"), free_port()
    process = start(
        [sys.executable, "-m", "metrics_api", "serve", "--config", config],
        log,
        {**os.environ, "METRICS_API_SERVER__PORT": str(port)},
    )
    try:
        wait_until_ready("the API", f"http://127.0.0.1:{port}/healthz", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop([process])


def compare_asking(console: Console, site: Site, server: Server, rounds: int) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch, requests.Session() as session:
        fill(site, server.url, Path(scratch))
        config = Path(scratch) / "metrics.toml"
        config.write_text(f'[store]\npath = "{scratch}"\n[auth]\nmode = "off"\n')
        with serve(config) as url:
            ways = Asking(url, server.url, site.window, session)
            console.print(f"  {check_equal(of_api(ways.ask_api()), of_prometheus(ways.ask_prometheus()))}")
            turns = take_turns(rounds, {"ours": ways.ask_api, "prometheus": ways.ask_prometheus})
    console.print(
        f"  hourly utilization by project over {site.days} days: ours {turns.median('ours') * 1000:.0f} ms,"
        f" Prometheus {turns.median('prometheus') * 1000:.0f} ms"
    )
    return [
        Finding(
            "seconds for hourly utilization by project over a week, per second of Prometheus",
            turns.ratio("ours", "prometheus"),
            "times",
            1 / 10,
        )
    ]
