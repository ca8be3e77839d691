"""Collecting one day of 128 GPUs x 4 metrics x 60 s, from Prometheus to a booked and committed ledger."""

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
from queries.window import HOUR
from tests.benchmarks.site import GPUS, LAST_DAY, METRICS, NODES, UTILIZATION, cluster_at
from tests.benchmarks.timing import Comparison, check_equal, take_turns
from tests.booked import both
from tests.servers import Server


@dataclass
class Collecting:
    """Three ways to a day's samples. Each writes into a folder of its own every time."""

    url: str
    folder: Path
    lakes: Iterator[int]

    def collect(self) -> Lake:
        """Ours: read, decoded, attributed, booked, committed hour by hour."""
        lake = Lake(str(self.folder / f"lake-{next(self.lakes)}"))
        lake.create()
        collector = Collector(cluster_at(self.url), lake, Collect(), clock=lambda: LAST_DAY.end + HOUR)
        assert all(done.is_written for done in collector.fill(list(LAST_DAY.hours())))
        return lake

    def read_frames(self) -> Path:
        """The plain client: data frames of the same samples, unattributed, as Parquet."""
        client = PrometheusConnect(url=self.url)
        for metric in METRICS:
            found = client.custom_query_range(metric, LAST_DAY.start, LAST_DAY.end - pd.Timedelta("60s"), step="60")
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


def compare_collecting(console: Console, server: Server, rounds: int) -> list[Comparison]:
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        ways = Collecting(server.url, Path(folder), count())
        with recorded() as sent:
            lake = ways.collect()
        size = read_bare(session, sent)
        console.print(f"  one day of {NODES * GPUS} GPUs: {len(sent)} requests, {size / 1e6:.1f} MB of JSON")
        console.print(f"  {check_equal(mean_in_lake(lake), mean_in_frames(ways.read_frames()))}")
        seconds = take_turns(
            rounds,
            {"ours": ways.collect, "bare": lambda: read_bare(session, sent), "frames": ways.read_frames},
        )
    return [
        Comparison(
            "collect a day · a bare read of the same bytes", seconds["ours"], seconds["bare"], "at most 4 times"
        ),
        Comparison(
            "collect a day · plain client, data frames, Parquet",
            seconds["ours"],
            seconds["frames"],
            "at least 4 times faster",
        ),
    ]


def mean_in_lake(lake: Lake) -> "pd.Series[float]":
    """The mean utilization by GPU, from the hourly rows."""
    _, hours = both(lake, LAST_DAY)
    sums = hours[hours.kind == "gpu"].groupby("gpu_uuid")[["busy_seconds", "idle_seconds"]].sum()
    assert (sums.sum(axis=1) == LAST_DAY.length.total_seconds()).all()
    return sums["busy_seconds"] / sums.sum(axis=1)


def mean_in_frames(path: Path) -> "pd.Series[float]":
    samples: pd.DataFrame = pq.read_table(path).to_pandas()
    return samples.groupby("UUID")["value"].mean()
