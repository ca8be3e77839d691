"""Backfilling a long time: the memory of the real command, which must not grow with the time that is filled."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from queries.window import format_time
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import config_of, new_lake, victoria_of
from tests.benchmarks.site import Site

EVERY = 0.25
"""Seconds between two looks at the process."""

STATUS = re.compile(r"^(VmHWM|RssFile):\s+(\d+) kB$", re.MULTILINE)

DAY = timedelta(days=1)

FEW_DAYS = 7

FLAT = 1.1
"""What still counts as flat."""


@dataclass(frozen=True)
class Seen:
    """How many days were filled at some time, and the largest memory (MB) that the process had had until then: its own,
    and the code of its libraries (of DuckDB, delta-rs and Arrow), which the system shares and can drop."""

    days: float
    megabytes: float
    code: float
    seconds: float


def compare_backfilling(console: Console, site: Site, folder: Path) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch, victoria_of(site, folder) as server:
        seen = list(watch_backfill(site, server.url, Path(scratch)))
    first, last = next(each for each in seen if each.days >= min(FEW_DAYS, site.days)), seen[-1]
    console.print(
        f"  {site.gpus} GPUs: {first.megabytes:.0f} MB at most after {first.days:.1f} days, {last.megabytes:.0f} MB after"
        f" {last.days:.1f}, and {last.code:.0f} MB of libraries' code; {last.seconds:.0f} s,"
        f" {last.seconds / site.days:.1f} s a day"
    )
    return [
        Finding(f"peak memory to backfill {site.days} days of {site.gpus} GPUs", last.megabytes, "MB", 300),
        Finding(f"the same, per MB after {first.days:.0f} days", last.megabytes / first.megabytes, "times", FLAT),
    ]


def watch_backfill(site: Site, url: str, folder: Path) -> Iterator[Seen]:
    """Run ``metrics-collect backfill`` and look at it now and then, until it has ended.

    Raises:
        CalledProcessError: it failed.
    """
    start, end = site.window.start, site.window.end
    config, log = config_of(site.cluster(url), folder), folder / "backfill.log"
    between = ["--from", format_time(start), "--to", format_time(end)]
    command = [sys.executable, "-m", "collectors", "backfill", "--config", str(config), *between]
    lake, peak, code, began = new_lake(folder), 0.0, 0.0, time.monotonic()
    with log.open("wb") as said, subprocess.Popen(command, stderr=said) as process, Progress() as progress:
        task = progress.add_task(f"backfilling {site.name}", total=site.days)
        while process.poll() is None:
            own, libraries = memory_of(process.pid)
            peak, code = max(peak, own), max(code, libraries)
            until = lake.snapshot().collected_until().get(site.cluster(url).name, start)
            days = (until - start) / DAY
            progress.update(task, completed=days)
            yield Seen(days, peak, code, time.monotonic() - began)
            time.sleep(EVERY)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=log.read_text())
    yield Seen(site.days, peak, code, time.monotonic() - began)


def memory_of(pid: int) -> tuple[float, float]:
    """The most memory (MB) that a process ever had, while it is there: its own, and its libraries' code."""
    try:
        found = dict(STATUS.findall(Path(f"/proc/{pid}/status").read_text()))
    except FileNotFoundError:
        found = {}
    peak, code = (int(found.get(name, 0)) / 1024 for name in ("VmHWM", "RssFile"))
    return peak - code, code
