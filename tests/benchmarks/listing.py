"""Listing thousands of projects with what they have and had, over HTTP, beside a select from a plain table in which somebody
has written the same figures already, turned into JSON without any HTTP: what a page costs at the least."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import requests
from rich.console import Console
from rich.progress import track
from sqlalchemy import Column, Engine, Float, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.orm import Session

from queries.control.database import Control
from queries.control.organisation import Found, register
from queries.control.revision import touch
from queries.control.tables import Quota
from queries.datasets import TIME
from queries.ids import cluster_id, node_pool_id, project_id
from queries.lake import Lake
from queries.ledger.book import Booked
from queries.window import HOUR, Window
from tests.benchmarks.asking import serve
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import new_lake
from tests.sketch import Sketch

CLUSTERS = 5
DAYS = 30
PAGE = 50
TIMES = 20
"""How often a page is asked for in a round."""

MOST_SECONDS = 0.2

AVERAGED = ("Allocation", "Utilization", "MemoryUtilization")
RANGES = {"24h": "range24hData", "7d": "range7dData", "30d": "range30dData"}
NUMBERS = ("totalGpuQuota", "gpuAllocated", *(f"avgGpu{what}{name}" for name in RANGES for what in AVERAGED))

Row = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A page: what it is sorted by, the other way around or not, and a filter."""

    sort: str
    is_descending: bool = False
    field: str | None = None
    operator: str = "=="
    value: Any = None

    @property
    def name(self) -> str:
        filtered = f", {self.field}{self.operator}{self.value}" if self.field else ""
        return f"by {self.sort}{filtered}"

    def parameters(self) -> dict[str, str]:
        order = {"sortBy": self.sort, "sortOrder": "desc" if self.is_descending else "asc", "limit": str(PAGE)}
        return order | ({"filterBy": f"{self.field}{self.operator}{self.value}"} if self.field else {})


QUERIES = (
    Query("name"),
    Query("createdAt", field="clusterId", value=cluster_id("cluster-1")),
    Query("name", field="name", operator="=@", value="-07"),
    Query("totalGpuQuota", True, "totalGpuQuota", ">=", 8),
    Query("gpuAllocated", field="gpuAllocated", operator="<=", value=1),
    Query("avgGpuUtilization24h", True),
    Query("avgGpuAllocation7d", True, "avgGpuUtilization7d", "<=", 50),
    Query("avgGpuMemoryUtilization30d", field="avgGpuAllocation30d", operator=">=", value=0.8),
)


def compare_listing(console: Console, projects: int, rounds: int) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch, requests.Session() as session:
        folder = Path(scratch)
        fill(new_lake(folder), projects // CLUSTERS)
        control = folder / "control.sqlite"
        give_quotas(Control(f"sqlite:///{control}"), projects // CLUSTERS)
        config = folder / "metrics.toml"
        told = f'[store]\npath = "{folder}"\ncontrol = "sqlite:///{control}"\n[auth]\nmode = "off"\n'
        config.write_text(told)
        with serve(config) as url:
            began = time.perf_counter()
            rows = [flat(project) for project in all_projects(session, url)]
            console.print(f"  {len(rows):,} projects, the first time: {time.perf_counter() - began:.1f} s")
            assert len(rows) == projects
            plain = plain_table(folder, rows)
            return [
                finding for query in QUERIES for finding in compare_query(console, session, url, plain, query, rounds)
            ]


def compare_query(
    console: Console, session: requests.Session, url: str, plain: "Plain", query: Query, rounds: int
) -> Iterator[Finding]:
    ours = list_page(session, url, query)
    theirs = json.loads(plain.page(query))["projects"]
    assert [values(flat(each), query) for each in ours] == [values(each, query) for each in theirs], query.name
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: list_page(session, url, query),
        "plain": lambda: plain.page(query),
    }
    for _ in range(rounds * TIMES):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    (ours_median, ours_p95), (plain_median, plain_p95) = (measures(seconds[name]) for name in ("ours", "plain"))
    console.print(
        f"  {query.name}: {len(ours)} rows are equal; median {ours_median * 1000:.1f} ms, p95 {ours_p95 * 1000:.1f} ms;"
        f" the plain table {plain_median * 1000:.1f} and {plain_p95 * 1000:.1f} ms: {ours_median / plain_median:.1f} and"
        f" {ours_p95 / plain_p95:.1f} times"
    )
    yield Finding(f"p95 of a page of projects, {query.name}", ours_p95 * 1000, "ms", MOST_SECONDS * 1000)


def measures(seconds: list[float]) -> tuple[float, float]:
    """The median, and what 95 of 100 do not take longer than."""
    return statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]


def values(row: Row, query: Query) -> tuple[Any, ...]:
    """What of a row two answers must have alike: of several that are sorted alike, either may come first."""
    return row[query.sort], row[query.field] if query.field and query.operator == "==" else None


def list_page(session: requests.Session, url: str, query: Query) -> list[Row]:
    answer = session.get(f"{url}/api/v1/org-unit/projects", params=query.parameters(), timeout=60)
    answer.raise_for_status()
    rows: list[Row] = answer.json()["projects"]
    return rows


def all_projects(session: requests.Session, url: str) -> Iterator[Row]:
    offset: int | None = 0
    while offset is not None:
        asked = {"limit": "500", "offset": str(offset)}
        answer = session.get(f"{url}/api/v1/org-unit/projects", params=asked, timeout=120)
        answer.raise_for_status()
        yield from answer.json()["projects"]
        offset = answer.json().get("next")


def flat(project: Row) -> Row:
    """A project as a row of a table."""
    averages = {
        f"avgGpu{what}{name}": project["overtimeData"][range_][f"averageGpu{what}"]
        for name, range_ in RANGES.items()
        for what in AVERAGED
    }
    return averages | {
        "id": project["id"],
        "name": project["name"],
        "clusterId": project["clusterId"],
        "createdAt": project["createdAt"],
        "totalGpuQuota": project["totalResources"]["gpuQuota"],
        "gpuAllocated": project["status"]["quotaStatus"]["allocated"]["gpu"],
    }


@dataclass(frozen=True)
class Plain:
    """A table of SQLite with an index for each column, and its rows as JSON."""

    engine: Engine
    table: Table

    def page(self, query: Query) -> str:
        column = self.table.c[query.sort]
        chosen = select(self.table).order_by(column.desc() if query.is_descending else column).limit(PAGE)
        if query.field:
            compared = self.table.c[query.field]
            condition = {
                "==": compared == query.value,
                ">=": compared >= query.value,
                "<=": compared <= query.value,
                "=@": compared.contains(str(query.value), autoescape=True),
            }[query.operator]
            chosen = chosen.where(condition)
        with Session(self.engine) as session:
            return json.dumps({"projects": [dict(row) for row in session.execute(chosen).mappings()]})


def plain_table(folder: Path, rows: list[Row]) -> Plain:
    texts = [Column(name, String, index=True) for name in ("name", "clusterId", "createdAt")]
    numbers = [Column(name, Float, index=True) for name in NUMBERS]
    table = Table("listed", MetaData(), Column("id", String, primary_key=True), *texts, *numbers)
    engine = create_engine(f"sqlite:///{folder / 'plain.sqlite'}")
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(table), rows)
    return Plain(engine, table)


def fill(lake: Lake, projects: int) -> None:
    """A month of clusters alike, in which so many projects hold a GPU each on most days."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    start = Window.hour_of(now).start - HOUR
    booked = book(start, now, projects)
    for number in range(CLUSTERS):
        name = f"cluster-{number}"
        for hour in (Window(start, start + HOUR), Window(start + HOUR, start + 2 * HOUR)):
            rows = booked.of(hour)
            if len(rows):
                lake.replace(hour, of_cluster(rows, name))
    hour = Booked(booked.raw.slice(0, 0), booked.hours, booked.workloads).of(Window(start, start + HOUR))
    for day in track(range(1, DAYS + 1), "writing days"):
        shown = pc.not_equal(
            pc.remainder(
                pc.cast(pc.utf8_slice_codeunits(hour["project"].cast(pa.string()), 8), pa.int64()), 2 + day % 5
            ),
            0,
        )
        rows = hour.filter(pc.fill_null(shown, True))
        later = pa.concat_tables([moved(rows, -day * timedelta(days=1) + number * HOUR) for number in range(24)])
        for number in range(CLUSTERS):
            lake.ledger.append(of_cluster(later, f"cluster-{number}"))


def book(start: datetime, now: datetime, projects: int) -> Booked:
    minutes = int((now - start).total_seconds() // 60)
    drawn = Sketch(minutes=minutes, start=start)
    for number in range(projects):
        node, pod, gpu = f"node-{number // 8}", f"pod-{number}", f"GPU-{number}"
        if number % 8 == 0:
            drawn.node(node, 8)
        drawn.pod(pod, node, 1, project=name_of(number))
        drawn.gpu(gpu, node, (number * 37 % 1000) / 1000, pod=pod)
        used = number * 53 % 80
        drawn.gpu(gpu, node, used * 1024.0, "DCGM_FI_DEV_FB_USED", pod=pod)
        drawn.gpu(gpu, node, (80 - used) * 1024.0, "DCGM_FI_DEV_FB_FREE", pod=pod)
    return drawn.book(2, as_of=now)


def name_of(number: int) -> str:
    return f"project-{number:04}"


def of_cluster(rows: pa.Table, cluster: str) -> pa.Table:
    place = rows.column_names.index("cluster")
    field = rows.schema.field("cluster")
    return rows.set_column(place, field, pa.repeat(cluster, len(rows)).cast(field.type))


def moved(rows: pa.Table, by: timedelta) -> pa.Table:
    """The same hourly rows at another time."""
    shift = pa.scalar(by, pa.duration("us"))
    later = {name: pc.add(rows[name].cast(TIME), shift) for name in ("window_start", "time")}
    later["period"] = pc.strftime(later["window_start"], "%Y-%m").cast(rows.schema.field("period").type)
    return pa.table([later.get(name, rows[name]) for name in rows.column_names], names=rows.column_names)


def give_quotas(control: Control, projects: int) -> None:
    """Each project has a quota of GPUs, set by the API, and most are older than all ranges."""
    now = datetime.now(UTC)
    clusters = [f"cluster-{number}" for number in range(CLUSTERS)]
    keys = [(cluster, name_of(number)) for cluster in clusters for number in range(projects)]
    seen = {key: (now - timedelta(days=20 + number % 40), now) for number, key in enumerate(keys)}
    pools = frozenset((cluster, "default") for cluster in clusters)
    register(control, Found(frozenset(clusters), pools, frozenset(keys), seen), ())
    with control.session() as session:
        for number, (cluster, name) in enumerate(keys):
            quota = Quota(org_unit_id=project_id(cluster, name), node_pool_id=node_pool_id(cluster, "default"))
            quota.resource, quota.since, quota.deserved = "gpu", now, float(number % 16)
            session.add(quota)
        touch(session)
    control.close()
