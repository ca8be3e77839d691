"""Collecting one day of a site, from Prometheus to a booked and committed ledger."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pyarrow.parquet as pq
import requests
from prometheus_api_client import MetricRangeDataFrame, PrometheusConnect
from rich.console import Console

from collectors.collector import Collector
from queries.lake import Lake
from queries.settings import Collect
from queries.window import HOUR, Window
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import new_lake
from tests.benchmarks.site import METRICS, UTILIZATION, Site
from tests.benchmarks.timing import check_equal, take_turns
from tests.booked import both
from tests.servers import Server


@dataclass
class Collecting:
    """Ways to a day's samples of a site. Each writes into a folder of its own every time."""

    site: Site
    url: str
    folder: Path
    lakes: Iterator[int]
    samples: int = 0

    def collect(self) -> Lake:
        """Ours: read, decoded, attributed, booked, committed hour by hour."""
        day = self.site.last_day
        lake = new_lake(self.folder / f"lake-{next(self.lakes)}")
        collector = Collector(self.site.cluster(self.url), lake, Collect(), clock=lambda: day.end + HOUR)
        assert all(done.is_written for done in collector.fill(list(day.hours())))
        self.samples = collector.prometheus.samples_read
        return lake

    def read_frames(self) -> Path:
        """The plain client: data frames of the same samples, unattributed, as Parquet."""
        client, day = PrometheusConnect(url=self.url), self.site.last_day
        for metric in METRICS:
            found = client.custom_query_range(metric, day.start, day.end - pd.Timedelta("60s"), step="60")
            MetricRangeDataFrame(found).to_parquet(self.folder / f"{metric}.parquet")
        return self.folder / f"{UTILIZATION}.parquet"


@contextmanager
def recorded() -> Iterator[list[requests.PreparedRequest]]:
    """The requests that are sent meanwhile."""
    sent: list[requests.PreparedRequest] = []
    send = requests.Session.send

    def note(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        sent.append(request)
        return send(session, request, **options)  # type: ignore[arg-type]

    with patch.object(requests.Session, "send", note):
        yield sent


def read_bare(session: requests.Session, sent: list[requests.PreparedRequest]) -> int:
    """The same requests, one after the other on one connection; what comes is counted and thrown away."""
    return sum(len(session.send(request).content) for request in sent)


def compare_collecting(console: Console, site: Site, server: Server, rounds: int) -> list[Finding]:
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        ways = Collecting(site, server.url, Path(folder), count())
        with recorded() as sent:
            lake = ways.collect()
        size = read_bare(session, sent)
        console.print(f"  {check_equal(mean_in_lake(lake, site.last_day), mean_in_frames(ways.read_frames()))}")
        turns = take_turns(
            rounds,
            {"ours": ways.collect, "bare": lambda: read_bare(session, sent), "frames": ways.read_frames},
        )
    console.print(
        f"  one day of {site.gpus} GPUs: {len(sent)} requests, {size / 1e6:.1f} MB of JSON, {ways.samples:,} samples;"
        f" collected in {turns.median('ours'):.2f} s, {ways.samples / turns.median('ours'):,.0f} samples a second;"
        f" read bare in {turns.median('bare'):.2f} s; data frames in {turns.median('frames'):.2f} s"
    )
    return [
        Finding(
            "seconds to collect a day, per second of a bare read of the same bytes",
            turns.ratio("ours", "bare"),
            "times",
            3,
            1.5,
        ),
        Finding(
            "the same, per second of the plain client's data frames to Parquet",
            turns.ratio("ours", "frames"),
            "times",
            1 / 4,
            1 / 8,
        ),
    ]


def mean_in_lake(lake: Lake, day: Window) -> "pd.Series[float]":
    """The mean utilization by GPU, from the hourly rows."""
    _, hours = both(lake, day)
    sums = hours[hours.kind == "gpu"].groupby("gpu_uuid")[["busy_seconds", "idle_seconds"]].sum()
    assert (sums.sum(axis=1) == day.length.total_seconds()).all()
    return sums["busy_seconds"] / sums.sum(axis=1)


def mean_in_frames(path: Path) -> "pd.Series[float]":
    samples: pd.DataFrame = pq.read_table(path).to_pandas()
    return samples.groupby("UUID")["value"].mean()
