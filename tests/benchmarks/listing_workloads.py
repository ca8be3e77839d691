"""Listing workloads over HTTP: pages of many under filters and in any order, beside DuckDB and pandas over our files."""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import requests
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from queries.datasets import WORKLOADS
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.benchmarks.asking import serve
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import new_lake
from tests.live import NOW, OPEN, Live

CLUSTERS = ("alpha", "beta", "gamma", "delta")

DAYS = 60

RUNNING = 2_000

WAITING = 500

GPUS = 8

NODES = 64

KINDS = ("Job", "PyTorchJob", "Notebook", "Deployment")

MOST_MILLISECONDS = 1_000

GOAL_MILLISECONDS = 100

LATEST = """
    select
        cluster, namespace, workload_kind, workload, max(project) as project, max("user") as "user",
        max_by(state, (time, rank)) as state, max_by(reason, (time, rank)) as reason, min(time) as created_at
    from (
        select *, case state when 'ended' then 3 when 'running' then 2 when 'pending' then 1 else 0 end as rank
        from read_parquet('{files}', hive_partitioning = true, hive_types_autocast = false)
    )
    group by all
"""
"""What somebody writes who has our files alone: the state of each workload."""

Frame = pd.DataFrame


@dataclass(frozen=True)
class Listing:
    """A page that is asked for. sql: the condition and order of the same page of LATEST; plain: of a table of pandas."""

    what: str
    asked: Mapping[str, Any]
    sql: str
    plain: Callable[[Frame], Frame]


def ordered(frame: Frame, by: str = "created_at", ascending: bool = True) -> Frame:
    return frame.sort_values([by, "workload"], ascending=[ascending, True])


def kept(frame: Frame) -> Frame:
    """Without what was deleted."""
    return frame[~((frame["state"] == "ended") & (frame["reason"] == "Deleted"))]


LEFT = "not (state = 'ended' and reason is not distinct from 'Deleted')"

BILLED = [f"phase!={phase}" for phase in (
    "Creating", "Pending", "Initializing", "Resuming", "Deleting", "Updating", "Stopped", "Stopping", "Failed",
    "Completed", "Terminating",
)]  # fmt: skip
"""What a collector asks that bills what runs."""

LISTINGS: tuple[Listing, ...] = (
    Listing("the first page", {}, f"{LEFT} order by created_at, workload limit 50", lambda t: ordered(kept(t))[:50]),
    Listing(
        "the newest 50",
        {"sortBy": "createdAt", "sortOrder": "desc"},
        f"{LEFT} order by created_at desc, workload limit 50",
        lambda t: ordered(kept(t), ascending=False)[:50],
    ),
    Listing(
        "500 that run, by eleven filters",
        {"limit": 500, "filterBy": ",".join(BILLED)},
        f"state = 'running' and {LEFT} order by created_at, workload limit 500",
        lambda t: ordered(t[t["state"] == "running"])[:500],
    ),
    Listing(
        "failed ones of a project, newest first",
        {"filterBy": "projectName==project-7,phase==Failed", "sortBy": "createdAt", "sortOrder": "desc"},
        "project = 'project-7' and state = 'ended' and reason = 'Error' order by created_at desc, workload limit 50",
        lambda t: ordered(t[(t["project"] == "project-7") & (t["state"] == "ended") & (t["reason"] == "Error")],
                          ascending=False)[:50],
    ),
    Listing(
        "whose names contain a text",
        {"filterBy": "name=@abc", "limit": 500},
        f"contains(workload, 'abc') and {LEFT} order by created_at, workload limit 500",
        lambda t: ordered(kept(t[t["workload"].str.contains("abc", regex=False)]))[:500],
    ),
    Listing(
        "of a user, found by search",
        {"search": "user-77@"},
        f"contains(\"user\", 'user-77@') and {LEFT} order by created_at, workload limit 50",
        lambda t: ordered(kept(t[t["user"].str.contains("user-77@", regex=False)]))[:50],
    ),
    Listing(
        "by name",
        {"sortBy": "name"},
        f"{LEFT} order by workload limit 50",
        lambda t: kept(t).sort_values("workload")[:50],
    ),
    Listing(
        "a page far behind",
        {"offset": 400_000, "limit": 500},
        f"{LEFT} order by created_at, workload limit 500 offset 400000",
        lambda t: ordered(kept(t))[400_000:400_500],
    ),
)  # fmt: skip

HELD = (
    Listing("that hold two GPUs or more", {"filterBy": "allocatedGPU>=2"}, "", lambda t: t),
    Listing("by what they hold", {"sortBy": "allocatedGPU", "sortOrder": "desc"}, "", lambda t: t),
)
"""Of what is held, the files of workloads tell nothing."""


def compare_listing_workloads(console: Console, count: int, rounds: int) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch, requests.Session() as session:
        lake = new_lake(Path(scratch) / "lake")
        fill(lake, count)
        config = Path(scratch) / "metrics.toml"
        config.write_text(f'[store]\npath = "{lake.folder}"\n[auth]\nmode = "off"\n')
        with serve(config) as url:
            seconds = wait_until_listed(url, session)
            console.print(
                f"  {count:,} workloads in memory after {seconds:.0f} s: {listed_bytes(url, session) / 1e6:.0f} MB"
            )
            table = Table("workloads", "ours, ms", "p95", "DuckDB, ms", "times ours", "pandas, ms", "times ours")
            worst = 0.0
            for listing in (*LISTINGS, *HELD):
                worst = max(worst, compared(listing, url, lake, session, rounds, table))
    console.print(table)
    return [
        Finding(
            f"p95 of a page of {count:,} workloads, in the worst order",
            worst,
            "ms",
            MOST_MILLISECONDS,
            GOAL_MILLISECONDS,
        )
    ]


def compared(listing: Listing, url: str, lake: Lake, session: requests.Session, rounds: int, table: Table) -> float:
    """The p95 of ours, in milliseconds."""
    names, taken = ask_api(listing, url, session), []
    for _ in range(20 * rounds):
        began = time.perf_counter()
        ask_api(listing, url, session)
        taken.append(1000 * (time.perf_counter() - began))
    ours, worst = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
    others: list[str] = ["", "", "", ""]
    if listing.sql:
        others = []
        for way in (ask_duckdb, ask_pandas):
            began = time.perf_counter()
            found = way(listing, lake)
            milliseconds = 1000 * (time.perf_counter() - began)
            assert found == names, f"{listing.what}: {found[:3]} is not {names[:3]}"
            others += [f"{milliseconds:,.0f}", f"{milliseconds / ours:,.0f}"]
    table.add_row(listing.what, f"{ours:.1f}", f"{worst:.1f}", *others)
    return worst


def ask_api(listing: Listing, url: str, session: requests.Session) -> list[str]:
    answer = session.get(f"{url}/api/v1/workloads", params=listing.asked, timeout=600)
    answer.raise_for_status()
    return [each["name"] for each in answer.json()["workloads"]]


def ask_duckdb(listing: Listing, lake: Lake) -> list[str]:
    """In a connection that is open already, as in a notebook."""
    latest = LATEST.format(files=f"{lake.workloads.folder}/cluster=*/period=*/*.parquet")
    rows = duckdb.execute(f"select workload from ({latest}) where {listing.sql}").fetchall()
    return [name for (name,) in rows]


def ask_pandas(listing: Listing, lake: Lake) -> list[str]:
    """The plain loop: read the files, keep the last row of each workload."""
    columns = ["workload", "workload_kind", "namespace", "project", "user", "state", "reason", "time"]
    changes = pd.concat(
        pd.read_parquet(path, columns=columns).assign(cluster=path.parent.parent.name)
        for path in Path(lake.workloads.folder).glob("cluster=*/period=*/*.parquet")
    )
    changes["rank"] = changes["state"].map({"submitted": 0, "pending": 1, "running": 2, "ended": 3})
    changes = changes.sort_values(["time", "rank"])
    keys = ["cluster", "namespace", "workload_kind", "workload"]
    created = changes.drop_duplicates(keys)[[*keys, "time"]].rename(columns={"time": "created_at"})
    latest = changes.drop_duplicates(keys, keep="last").merge(created, on=keys)
    return list(listing.plain(latest)["workload"])


def wait_until_listed(url: str, session: requests.Session) -> float:
    """Until the API holds the list in memory."""
    began, before = time.monotonic(), -1.0
    while (held := listed_bytes(url, session)) != before or not held:
        before = held
        time.sleep(10)
    return time.monotonic() - began - 10


def listed_bytes(url: str, session: requests.Session) -> float:
    lines = session.get(f"{url}/metrics", timeout=60).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("metrics_api_listed_bytes "))


def fill(lake: Lake, count: int) -> None:
    """Workloads of two months, of which some still run and wait, and hold GPUs."""
    dice = np.random.default_rng(0)
    for number, cluster in enumerate(CLUSTERS):
        own = np.arange(number, count, len(CLUSTERS))
        rows = changes(own, cluster, count, dice)
        for day in sorted(set(rows["period"].to_pylist())):
            lake.workloads.append(rows.filter(pa.compute.equal(rows["period"], day)))
    hold(lake, count)


def changes(own: NDArray[np.int64], cluster: str, count: int, dice: np.random.Generator) -> pa.Table:
    """What was told of some workloads of a cluster; all hours of them are over but the last two."""
    submitted = NOW.timestamp() - DAYS * 86_400 * (1 - own / count)
    ran = submitted + dice.integers(10, 3_600, len(own))
    ended = ran + dice.integers(60, 86_400, len(own))
    is_waiting, is_running = own >= count - WAITING, own >= count - WAITING - RUNNING
    reasons = np.array(["Completed", "Error", "Deleted"])[dice.choice(3, len(own), p=[0.8, 0.15, 0.05])]
    times = {
        "submitted": (submitted, np.full(len(own), True)),
        "pending": (submitted, np.full(len(own), True)),
        "running": (ran, ~is_waiting),
        "ended": (np.minimum(ended, NOW.timestamp()), ~is_running),
    }
    return pa.concat_tables(
        told(own[where], count, cluster, state, when[where], reasons[where]) for state, (when, where) in times.items()
    )


def told(
    own: NDArray[np.int64], count: int, cluster: str, state: str, when: NDArray[np.float64], reasons: NDArray[Any]
) -> pa.Table:
    micros = pa.array((when * 1e6).astype("int64"), pa.timestamp("us", tz="UTC"))
    hours = pa.array((when // 3600 * 3600 * 1e6).astype("int64"), pa.timestamp("us", tz="UTC"))
    columns: dict[str, Any] = {
        "cluster": [cluster] * len(own),
        "period": pa.compute.strftime(hours, "%Y-%m-%d"),
        "window_start": hours,
        "revision": [int(NOW.timestamp())] * len(own),
        "time": micros,
        "namespace": [namespace_of(number, count) for number in own],
        "workload": [name_of(number) for number in own],
        "workload_kind": [KINDS[number % 4] for number in own],
        "project": [f"project-{number % 500}" for number in own],
        "user": [f"user-{number % 3000}@example.com" for number in own],
        "state": [state] * len(own),
        "reason": reasons if state == "ended" else [None] * len(own),
        "requested_gpus": [float(number % GPUS) for number in own],
        "allocated_gpus": [float(number % GPUS) if state in ("running", "ended") else None for number in own],
        "queue_seconds": [60.0 if state == "running" else None] * len(own),
        "images": [["registry.example.com/train:1"]] * len(own),
    }
    return pa.table(
        [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(len(own), field.type)
            for field in WORKLOADS.schema
        ],
        schema=WORKLOADS.schema,
    )


def name_of(number: int) -> str:
    """In no order, as names are."""
    return f"train-{number * 2_654_435_761 % 2**32:08x}"


def namespace_of(number: int, count: int) -> str:
    """Of what holds GPUs now, that of the sketch."""
    return f"runai-project-{number % 500}" if number < count - WAITING - RUNNING else "team"


def hold(lake: Lake, count: int) -> None:
    """Nodes of each cluster whose GPUs are held now, three by each workload."""
    for place, cluster in enumerate(CLUSTERS):
        live = Live(cluster)
        running = [number for number in range(count - WAITING - RUNNING, count - WAITING) if number % 4 == place]
        for node in range(NODES):
            live.node(f"{cluster}-{node}", GPUS)
            for gpu in range(GPUS):
                pod, number = f"pod-{node}-{gpu}", running[(node * GPUS + gpu) // 3]
                live.pod(pod, f"{cluster}-{node}", 1, project=f"project-{number % 500}")
                live.worked_by(pod, KINDS[number % 4], name_of(number))
                live.gpu(f"GPU-{cluster}-{node}-{gpu}", f"{cluster}-{node}", 0.5, pod=pod)
        for hour in (Window(OPEN.start - HOUR, OPEN.start), OPEN):
            first = int((hour.start - live.start) / HOUR)
            lake.replace(hour, live.book(1, first=first, as_of=NOW).of(hour))
