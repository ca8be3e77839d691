"""Storing a site: bytes per GPU and step in our lake, beside Prometheus's and VictoriaMetrics's own folders."""

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import requests
from rich.console import Console

from queries.lake import Lake
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import fill, prometheus_of, victoria_of
from tests.benchmarks.site import DAY, Site
from tests.benchmarks.timing import check_equal
from tests.servers import Server

PATIENCE = 600.0
"""Seconds that a server has to tidy up."""

CYCLES = 2
"""Prometheus begins to compact once a minute, each time to the end: at the second beginning, the first is over."""


def compare_storing(console: Console, site: Site, folder: Path) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch:
        with prometheus_of(site, folder) as server:
            compact_prometheus(server, folder / site.name / "prometheus" / "compacted")
            blocks = size_of(*(path for path in server.storage.iterdir() if (path / "meta.json").is_file()))
            lake = fill(site, server.url, Path(scratch))
        with victoria_of(site, folder) as server:
            merge_victoria(server)
            merged = size_of(server.storage / "data", server.storage / "indexdb")
            other = fill(site, server.url, Path(scratch) / "other")
        console.print(f"  from both servers, GPU-seconds: {check_equal(booked(lake), booked(other))}")
        steps = site.gpus * site.days * DAY
        sizes = sizes_of(lake)
        ours = sum(sizes.values())
        console.print(
            f"  {site.gpus} GPUs, {site.days} days, bytes per GPU and step: Prometheus {blocks / steps:.2f},"
            f" VictoriaMetrics {merged / steps:.2f}, ours {ours / steps:.2f}"
            f" ({', '.join(f'{name} {size / steps:.2f}' for name, size in sizes.items())})"
        )
        columns = (f"{name} {size:.3f}" for name, size in columns_of(lake, steps).items())
        console.print(f"  of the raw rows: {', '.join(columns)}")
    return [
        Finding("bytes per GPU and step, per byte of Prometheus", ours / blocks, "times", 1),
        Finding("bytes per GPU and step, per byte of VictoriaMetrics", ours / merged, "times", None, 1),
    ]


def booked(lake: Lake) -> "pd.Series[float]":
    """GPU-seconds busy by node and hour."""
    with duckdb.connect() as connection:
        rows = connection.sql(
            "select node || ' ' || epoch(window_start) as hour, sum(busy_seconds) as seconds"
            " from read_parquet($files) where kind = 'gpu' and busy_seconds is not null group by all",
            params={"files": [f"{lake.ledger.folder}/{path}" for path in lake.snapshot().files["path"].to_pylist()]},
        ).to_arrow_table()
    frame: pd.DataFrame = rows.to_pandas()
    return frame.set_index("hour")["seconds"]


def sizes_of(lake: Lake) -> dict[str, int]:
    """The bytes of a lake, by layer, and of its log."""
    files: pd.DataFrame = lake.snapshot().files.to_pandas()
    sizes = {f"{layer} rows": int(size) for layer, size in files.groupby("layer")["size"].sum().items()}
    return sizes | {"log": size_of(Path(lake.ledger.folder) / "_delta_log")}


def columns_of(lake: Lake, steps: int) -> "pd.Series[float]":
    """The bytes per GPU and step that each column of the raw rows takes."""
    files = lake.snapshot().files.to_pandas()
    paths = [f"{lake.ledger.folder}/{path}" for path in files[files.layer == "raw"]["path"]]
    with duckdb.connect() as connection:
        rows = connection.sql(
            "select path_in_schema as name, sum(total_compressed_size)::double / $steps as bytes"
            " from parquet_metadata($files) group by 1 having bytes >= 0.005 order by 2 desc",
            params={"files": paths, "steps": steps},
        ).to_arrow_table()
    frame: pd.DataFrame = rows.to_pandas()
    return frame.set_index("name")["bytes"]


def size_of(*paths: Path) -> int:
    return sum(file.stat().st_size for path in paths for file in path.rglob("*") if file.is_file())


def compact_prometheus(server: Server, done: Path) -> None:
    """Wait until a Prometheus has put its blocks together as far as it ever will. It keeps them: once is enough."""
    if not done.exists():
        wait_until(server, "prometheus_tsdb_compactions_triggered_total", lambda count: count >= CYCLES)
        done.touch()


def merge_victoria(server: Server) -> None:
    """Have a VictoriaMetrics merge all parts of each partition into one."""
    requests.get(f"{server.url}/internal/force_merge", timeout=60).raise_for_status()
    wait_until(server, "vm_active_force_merges", lambda count: count == 0)


def wait_until(server: Server, metric: str, is_enough: Callable[[float], bool]) -> None:
    """Wait for what a server says of itself.

    Raises:
        TimeoutError: it did not come to it.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        page = requests.get(f"{server.url}/metrics", timeout=60).text
        found = re.search(rf"^{metric} (\S+)$", page, re.MULTILINE)
        if found and is_enough(float(found[1])):
            return
        time.sleep(1)
    raise TimeoutError(f"{server.url}: {metric} was not as it should be within {PATIENCE:.0f} s")
