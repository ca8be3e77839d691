"""History: what a Prometheus would have stored of a cluster, written into its storage by promtool."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metrics_api.demo.exposition import print_history
from metrics_api.demo.fleet import DAY, Cluster
from metrics_api.demo.targets import exporters

STEP = 60
"""Seconds between the samples of the history."""


class HistoryError(Exception):
    """promtool did not take the history; the message says what it said."""


def days_between(since: int, until: int) -> Iterator[tuple[int, int]]:
    """The days (UTC) of an interval, cut to it."""
    day = since // DAY * DAY
    while day < until:
        yield max(day, since), min(day + DAY, until)
        day += DAY


def write_history(cluster: Cluster, since: int, until: int, storage: Path) -> int:
    """Write the samples of a part of a day (Unix seconds, half open): one file, which promtool makes blocks of.

    Returns:
        How many bytes the file had.
    """
    times = np.arange((since + STEP - 1) // STEP * STEP, until, STEP, dtype=float)
    if cluster.gap:
        times = times[[not cluster.gap.holds(time) for time in times]]
    if not len(times):
        return 0
    storage.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=storage.parent) as folder:
        path = Path(folder) / "day.om"
        with path.open("w") as file:
            for text in print_history((each.target, each.history(times)) for each in exporters(cluster)):
                file.write(text)
        size = path.stat().st_size
        done = subprocess.run(
            [
                "promtool",
                "tsdb",
                "create-blocks-from",
                "--quiet",
                "--max-block-duration=24h",
                "openmetrics",
                path,
                storage,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise HistoryError(f"promtool refused the history of {cluster.name}: {done.stderr.strip()}")
    return size
