"""Growing: how time, bytes and memory grow with the number of GPUs."""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from collectors.collector import Collector
from queries.lake import Lake
from queries.settings import Collect
from tests.benchmarks.backfilling import watch_backfill
from tests.benchmarks.collecting import Collecting, read_bare, recorded
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import fill, new_lake, prometheus_of
from tests.benchmarks.site import DAY, Site
from tests.benchmarks.storing import sizes_of
from tests.benchmarks.timing import Turns, take_turns

FIELDS = (
    "GPUs",
    "a day, s",
    "samples a second",
    "beside a bare read",
    "a tick, s",
    "peak memory, MB",
    "bytes per GPU and step",
)


def compare_growing(console: Console, sizes: Sequence[int], folder: Path, rounds: int) -> list[Finding]:
    table, per_gpu = Table(*FIELDS), []
    for gpus in sizes:
        site = Site(gpus, 1)
        with tempfile.TemporaryDirectory() as scratch, prometheus_of(site, folder) as server:
            ways = Collecting(site, server.url, Path(scratch), count())
            turns = time_collecting(ways, rounds)
            *_, seen = watch_backfill(site, server.url, Path(scratch))
            stored = sum(sizes_of(fill(site, server.url, Path(scratch) / "kept")).values())
        per_gpu.append(turns.median("ours") / gpus)
        table.add_row(
            str(gpus),
            f"{turns.median('ours'):.2f}",
            f"{ways.samples / turns.median('ours'):,.0f}",
            f"{turns.ratio('ours', 'bare'):.2f} times",
            f"{turns.median('tick'):.2f}",
            f"{seen.megabytes:.0f}",
            f"{stored / gpus / DAY:.2f}",
        )
    console.print(table)
    what = f"seconds per GPU with {sizes[-1]} GPUs, per second with {sizes[0]}"
    return [Finding(what, per_gpu[-1] / per_gpu[0], "times", 1)]


def time_collecting(ways: Collecting, rounds: int) -> Turns:
    lake, ticks = new_lake(ways.folder / "ticks"), count()
    with requests.Session() as session:
        with recorded() as sent:
            ways.collect()
        return take_turns(
            rounds,
            {
                "ours": ways.collect,
                "bare": partial(read_bare, session, sent),
                "tick": lambda: tick(ways.site, ways.url, lake, next(ticks)),
            },
        )


def tick(site: Site, url: str, lake: Lake, number: int) -> None:
    """Write again an hour that is about to end, as every tick does, and only the first also the one before."""
    now = site.window.end - timedelta(seconds=60 - number)
    done = Collector(site.cluster(url), lake, Collect(), clock=lambda: now).tick()
    assert len(done) == (1 if number else 2)
