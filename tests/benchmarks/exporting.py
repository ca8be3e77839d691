"""Exporting raw rows as Parquet over HTTP, beside DuckDB's own COPY of the same rows, and the memory that it takes, without
the part of the ledger that is held in memory otherwise."""

import random
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import requests
from pyarrow import parquet
from rich.console import Console
from rich.progress import track

from queries.datasets import TIME
from queries.exports import EXPORTS
from queries.lake import Lake
from queries.plan import Part
from queries.scope import EVERYTHING
from queries.view import ledger_of
from queries.window import Window, format_time
from tests.benchmarks.asking import serve
from tests.benchmarks.backfilling import memory_of
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import new_lake
from tests.benchmarks.timing import check_equal, take_turns
from tests.sketch import START, Sketch

NODES = 8
GPUS = 8
MINUTES = 1440
PIECE = 1 << 20


def compare_exporting(console: Console, rows: int, rounds: int) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        window = fill_days(new_lake(folder), rows // (NODES * GPUS * MINUTES))
        config = folder / "metrics.toml"
        config.write_text(
            f'[store]\npath = "{folder}"\n[auth]\nmode = "off"\n[limits]\nhot_bytes = 0\nlisted_bytes = 0\n'
        )
        theirs, ours = folder / "copied.parquet", folder / "exported.parquet"
        with serve(config) as url:
            (server,) = psutil.Process().children()
            turns = take_turns(
                rounds,
                {
                    "ours": lambda: export(url, window, ours),
                    "copy": lambda: copy(Lake(scratch), window, theirs),
                },
            )
            megabytes, code = memory_of(server.pid)
        console.print(f"  busy seconds by GPU: {check_equal(busy(ours), busy(theirs))}")
        count, sizes = parquet.read_metadata(ours).num_rows, [file.stat().st_size / 1e6 for file in (ours, theirs)]
    console.print(
        f"  {count:,} rows: ours {turns.median('ours'):.2f} s and {sizes[0]:.0f} MB, COPY {turns.median('copy'):.2f} s"
        f" and {sizes[1]:.0f} MB; {megabytes:.0f} MB of memory at most, and {code:.0f} MB of libraries' code"
    )
    return [
        Finding(f"seconds to export {count:,} rows, per second of COPY", turns.ratio("ours", "copy"), "times", 1.5),
        Finding(f"peak memory to export {count:,} rows", megabytes, "MB", 500),
    ]


def fill_days(lake: Lake, days: int) -> Window:
    """Some days of a cluster, each with the rows of one that was booked."""
    first = one_day()
    for day in track(range(days), "writing days"):
        lake.ledger.append(moved(first, timedelta(days=day)))
    return Window(START, START + timedelta(days=days))


def one_day() -> pa.Table:
    dice = random.Random(0)  # noqa: S311 - the same in every run
    drawn = Sketch(minutes=MINUTES)
    for node in range(NODES):
        name = f"node-{node}"
        drawn.node(name, GPUS)
        for gpu in range(GPUS):
            number, pod = f"GPU-{node * GPUS + gpu:08}", f"train-{node}-{gpu}"
            drawn.pod(pod, name, 1, project=f"project-{(node + gpu) % 12}", user=f"user-{gpu}")
            drawn.gpu(number, name, list(shown(dice)), pod=pod)
            drawn.gpu(number, name, [300 + 50 * u for u in shown(dice)], "DCGM_FI_DEV_POWER_USAGE", pod=pod)
    return drawn.book(hours=24).raw


def shown(dice: random.Random) -> Iterator[float]:
    return (round(dice.random(), 3) for _ in range(MINUTES))


def moved(rows: pa.Table, by: timedelta) -> pa.Table:
    """The same rows some days later."""
    shift = pa.scalar(by, pa.duration("us"))
    later = {name: pc.add(rows[name].cast(TIME), shift) for name in ("window_start", "time")}
    later["period"] = pc.strftime(later["window_start"], "%Y-%m-%d")
    return pa.table([later.get(name, rows[name]) for name in rows.column_names], names=rows.column_names)


def export(url: str, window: Window, file: Path) -> None:
    between = {"start": format_time(window.start), "end": format_time(window.end), "format": "parquet"}
    with requests.get(f"{url}/api/v1/exports/ledger_raw", params=between, stream=True, timeout=600) as answer:
        answer.raise_for_status()
        with file.open("wb") as opened:
            for piece in answer.iter_content(PIECE):
                opened.write(piece)


def copy(lake: Lake, window: Window, file: Path) -> None:
    sql = ledger_of(lake.snapshot(), [Part("raw", window)], EVERYTHING)
    columns = ", ".join(f'"{name}"' for name in EXPORTS["ledger_raw"].schema.names)
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {columns} from ({sql})) to '{file}' (format parquet, compression zstd)")


def busy(file: Path) -> "pd.Series[float]":
    with duckdb.connect() as connection:
        rows = connection.sql(
            "select gpu_uuid, sum(busy_seconds) as seconds from read_parquet($file) group by all",
            params={"file": str(file)},
        ).to_arrow_table()
    frame: pd.DataFrame = rows.to_pandas()
    return frame.set_index("gpu_uuid")["seconds"]
