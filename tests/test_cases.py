"""Golden cases: folders of series, as exporters print them, and the rows that must be booked of them.

All cases lie in one real Prometheus and in one real VictoriaMetrics, each in a time of its own.
"""

import csv
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from collectors.collect import collect
from collectors.prometheus import Prometheus
from queries.lake import Lake
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.booked import SECONDS, frame, in_order, minute, stored
from tests.series import openmetrics
from tests.servers import prometheus, victoria

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())

FIRST = datetime(2025, 1, 1, tzinfo=UTC)

APART = timedelta(days=10)
"""Nodes are remembered for seven days: cases further apart know nothing of each other."""

CHANGES = "workloads.csv"
CHANGED = {
    "kind": "workload_kind",
    "requested": "requested_gpus",
    "allocated": "allocated_gpus",
    "cpu": "cpu_cores_requested",
    "memory": "memory_bytes_requested",
    "queue": "queue_seconds",
}
"""Columns of an expectation of workloads, and the lake's names of them."""

ROW = ["node", "gpu", "instance", "pod"]
TOLD = {
    "uid": "pod_uid",
    "workload": "workload",
    "kind": "workload_kind",
    "project": "project",
    "user": "user",
    "reason": "reason",
}
"""Columns that an expectation may have beside, and the ledger's names of them."""
VALUES = [*SECONDS, "measured_seconds"]


def start_of(case: Path) -> datetime:
    return FIRST + CASES.index(case) * APART


Collected = Callable[[Path, str], Lake]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collected]:
    """The lake that is made of a case as one of the servers tells it."""
    folder = tmp_path_factory.mktemp("cases")
    pages = [openmetrics((case / "series.txt").read_text(), start_of(case)) for case in CASES]
    with prometheus(folder, pages) as first, victoria(folder, pages) as second:
        urls = {"prometheus": first.url, "victoria": second.url}

        @cache
        def lake_of(case: Path, server: str) -> Lake:
            return collect_case(case, urls[server], folder / case.name / server)

        yield lake_of


def collect_case(case: Path, url: str, folder: Path) -> Lake:
    settings = case / "cluster.toml"
    overrides = tomllib.loads(settings.read_text()) if settings.is_file() else {}
    cluster = Cluster.model_validate({"name": "case", "prometheus": url, **overrides})
    lake = Lake(str(folder))
    lake.create()
    later = start_of(case) + APART / 2
    done = list(collect(Prometheus(cluster), lake, window_of(case).hours(), clock=lambda: later))
    assert all(each.is_written for each in done)
    return lake


def window_of(case: Path) -> Window:
    """The hours of which something is expected, from the first on."""
    start = start_of(case)
    return Window(start, start + (read_expected(case)["minute"].max() // 60 + 1) * HOUR)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_booked_as_expected(case: Path, collected: Collected) -> None:
    expected, window = read_expected(case), window_of(case)
    lake = collected(case, "prometheus")
    raw, hours = frame(lake, window, "raw"), frame(lake, window, "hour")
    for number in expected["minute"].unique().tolist():
        rows = expected[expected["minute"] == number]
        booked = raw[(raw.time == minute(window, number)) & (raw.kind == "gpu")]
        order = [*ROW, *(name for name in TOLD if name in expected)]
        wanted = rows[order + VALUES].sort_values(order, ignore_index=True)
        pd.testing.assert_frame_equal(plain(booked, order), wanted, atol=1e-6)
    for column in VALUES:
        assert raw[column].sum() == pytest.approx(hours[column].sum(), abs=1e-6)
    assert raw[SECONDS].sum().sum() == pytest.approx(raw["capacity_seconds"].sum(), abs=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if (case / CHANGES).is_file()], ids=lambda case: case.name)
def test_the_lives_of_workloads_are_as_expected(case: Path, collected: Collected) -> None:
    window = window_of(case)
    rows = stored(collected(case, "prometheus").workloads)
    expected = pd.read_csv(case / CHANGES, dtype={"workload": str})
    found = rows.rename(columns={name: column for column, name in CHANGED.items()})
    found["minute"] = (found["time"] - minute(window, 0)).dt.total_seconds() / 60
    for name in ("nodes", "images"):
        found[name] = [" ".join(names) if names is not None and len(names) else None for names in found[name]]
    pd.testing.assert_frame_equal(in_time(found[expected.columns]), in_time(expected), check_dtype=False, atol=1e-3)


def in_time(changes: pd.DataFrame) -> pd.DataFrame:
    ordered = changes.sort_values(["minute", "workload", "state"], ignore_index=True).astype(object)
    return ordered.where(ordered.notna(), None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_victoriametrics_gives_the_same_ledger(case: Path, collected: Collected) -> None:
    victoria, prometheus = (in_order(stored(collected(case, server).ledger)) for server in ("victoria", "prometheus"))
    pd.testing.assert_frame_equal(victoria, prometheus, rtol=1e-9, atol=1e-9)


def read_expected(case: Path) -> pd.DataFrame:
    with (case / "expected.csv").open() as file:
        rows = list(csv.DictReader(file))
    frame = pd.DataFrame(rows)
    frame = frame.rename(columns={name: f"{name}_seconds" for name in [*SECONDS_NAMES, "measured"]})
    return frame.astype({"minute": int} | dict.fromkeys(VALUES, float))


SECONDS_NAMES = [column.removesuffix("_seconds") for column in SECONDS]


def plain(booked: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """The booked rows in the columns of an expectation; what is not known is empty."""
    stored = {"gpu": "gpu_uuid", "instance": "gpu_instance", **TOLD}
    names = pd.DataFrame({name: booked[stored.get(name, name)] for name in order})
    names = names.astype(object).where(names.notna(), "").astype(str)
    return pd.concat([names, booked[VALUES]], axis=1).sort_values(order, ignore_index=True)
