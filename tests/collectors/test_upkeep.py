import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collectors.upkeep import keep_up
from queries.collection import Collection
from queries.datasets import WORKLOADS
from queries.lake import Lake
from queries.settings import Settings
from queries.window import HOUR, Window
from tests.booked import both, stored
from tests.collectors.site import new_lake
from tests.queries.committer import HOURS, revised, sketch
from tests.queries.test_lake import ALL, assert_whole
from tests.queries.test_table import age_log, change_at, rows_of
from tests.sketch import START

SETTINGS = Settings.model_validate({"store": {"retention": {"samples": "2d", "rollups": "1y"}}})


def commit_hours(lake: Lake, revision: int) -> None:
    booked = sketch().book(HOURS)
    for hour in ALL.hours():
        lake.replace(hour, revised(booked.of(hour), revision))


def tick(lake: Lake, time: datetime) -> None:
    """What a collector leaves at each tick, beside the ledger."""
    lake.collections.append(Collection("sketch", "live", Window.hour_of(time), time, 1.0).table())


def test_upkeep_compacts_closed_days_and_drops_what_is_too_old(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    commit_hours(lake, revision=1)
    assert list(keep_up(lake, SETTINGS, START + timedelta(hours=20))) == []
    done = list(keep_up(lake, SETTINGS, START + timedelta(days=1, hours=2)))
    assert done == [
        f"put the hour rows of sketch of 2025-03-03T00:00:00Z/2025-03-04T00:00:00Z from {HOURS} files into one",
        f"put the raw rows of sketch of 2025-03-03T00:00:00Z/2025-03-04T00:00:00Z from {HOURS} files into one",
    ]
    assert list(keep_up(lake, SETTINGS, START + timedelta(days=1, hours=2))) == []
    assert list(keep_up(lake, SETTINGS, START + timedelta(days=3))) == ["dropped the raw rows of sketch of 2025-03-03"]
    raw, hours = both(lake, ALL)
    assert raw.empty
    assert len(hours) == HOURS * 2


def test_what_a_tick_appends_grows_neither_files_nor_log_without_bound(tmp_path: Path) -> None:
    """A day and more of runs every twenty minutes, and upkeep every hour: an hour becomes a file, 24 of these become one."""
    lake = new_lake(tmp_path)
    counts = []
    for hour in range(28):
        for minute in (0, 20, 40):
            tick(lake, START + timedelta(hours=hour, minutes=minute))
        age_log(lake.collections.folder, days=2)
        list(keep_up(lake, SETTINGS, START + timedelta(hours=hour + 1)))
        counts.append(len(lake.collections.snapshot().files))
    assert len(stored(lake.collections)) == 28 * 3
    assert max(counts) <= 24 + 3 * 3
    assert counts[-1] <= 1 + 2 + 3 * 3
    log = Path(lake.collections.folder, "_delta_log")
    assert len(list(log.glob("*.json"))) <= 8
    assert len(list(log.glob("*.checkpoint.parquet"))) <= 2


def test_runs_and_workloads_are_kept_as_long_as_rollups(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    tick(lake, START)
    lake.workloads.replace("alpha", Window.hour_of(START), rows_of(WORKLOADS, change_at(START, "a")), 1)
    month_over = START.replace(day=1, month=4)
    assert list(keep_up(lake, SETTINGS, month_over + timedelta(days=364))) == []
    assert list(keep_up(lake, SETTINGS, month_over + timedelta(days=365))) == [
        "dropped the collections of sketch of 2025-03",
        "dropped the workloads of alpha of 2025-03",
    ]
    assert stored(lake.collections).empty
    assert stored(lake.workloads).empty


@pytest.mark.parametrize("times", [2])
def test_several_may_keep_up_beside_writers_and_readers(tmp_path: Path, times: int) -> None:
    """Every answer of the reader is whole, whatever is compacted, replaced and removed meanwhile."""
    lake, stop = new_lake(tmp_path), threading.Event()
    commit_hours(lake, revision=1)
    failures: list[BaseException] = []

    def over_and_over(task: str) -> None:
        own, revision = Lake(str(tmp_path / "lake")), 2
        try:
            while not stop.is_set():
                if task == "write":
                    commit_hours(own, revision)
                    tick(own, START + revision * HOUR)
                    revision += 1
                else:
                    list(keep_up(own, SETTINGS, START + timedelta(days=1, hours=2)))
        except BaseException as error:
            failures.append(error)

    tasks = [threading.Thread(target=over_and_over, args=(task,)) for task in ["write"] + ["keep up"] * times]
    for thread in tasks:
        thread.start()
    versions: set[int] = set()
    while len(versions) < 12 and not failures:
        versions.add(lake.snapshot().version)
        assert_whole(lake)
    stop.set()
    for thread in tasks:
        thread.join()
    assert failures == []
