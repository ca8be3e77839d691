"""History: what a Prometheus would have stored of a cluster, written into its storage by promtool."""

import multiprocessing
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from metrics_api.demo.exposition import print_history
from metrics_api.demo.fleet import CLUSTERS, DAY, Cluster
from metrics_api.demo.targets import exporters

STEP = 60
"""Seconds between the samples of the history."""


class HistoryError(Exception):
    """promtool did not take the history; the message says what it said."""


@dataclass(frozen=True)
class Day:
    """A part of a day (Unix seconds, half open) of a cluster's history, and the storage of the Prometheus it is for."""

    cluster: str
    since: int
    until: int
    storage: Path


def write_days(days: list[Day], told_to_stop: threading.Event) -> Iterator[Day]:
    """Write days on all processors, each in a process that leaves Ctrl-C to this one. Told to stop, no further day is
    begun.

    Raises:
        HistoryError: promtool did not take one.
    """
    processors = os.cpu_count() or 1
    coming = iter(days)
    with ProcessPoolExecutor(
        processors,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        begun = {pool.submit(write_day, day) for day in islice(coming, processors)}
        while begun:
            done, begun = wait(begun, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in done)
            if not told_to_stop.is_set():
                begun |= {pool.submit(write_day, day) for day in islice(coming, len(done))}


def write_day(day: Day) -> Day:
    cluster = next(each for each in CLUSTERS if each.name == day.cluster)
    write_history(cluster, day.since, day.until, day.storage)
    return day


def days_between(since: int, until: int) -> Iterator[tuple[int, int]]:
    """The days (UTC) of an interval, cut to it."""
    day = since // DAY * DAY
    while day < until:
        yield max(day, since), min(day + DAY, until)
        day += DAY


def write_history(cluster: Cluster, since: int, until: int, storage: Path) -> None:
    """Write the samples of a part of a day: one file, which promtool makes blocks of.

    Raises:
        HistoryError: it did not.
    """
    times = np.arange((since + STEP - 1) // STEP * STEP, until, STEP, dtype=float)
    if cluster.gap:
        times = times[[not cluster.gap.holds(time) for time in times]]
    if not len(times):
        return
    storage.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=storage.parent) as folder:
        path = Path(folder) / "day.om"
        with path.open("w") as file:
            for text in print_history((each.target, each.history(times)) for each in exporters(cluster)):
                file.write(text)
        make_blocks(cluster.name, path, storage)


def make_blocks(name: str, openmetrics: Path, storage: Path) -> None:
    """Have promtool make blocks of samples in OpenMetrics, for a server that is not running yet.

    Raises:
        HistoryError: it did not.
    """
    command = ["promtool", "tsdb", "create-blocks-from", "--quiet", "--max-block-duration=24h", "openmetrics"]
    done = subprocess.run([*command, openmetrics, storage], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HistoryError(f"promtool refused the history of {name}: {done.stderr.strip()}")
