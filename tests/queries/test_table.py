import os
import shutil
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from queries.datasets import COLLECTIONS, WORKLOADS, Dataset
from queries.lake import Lake
from queries.snapshot import Snapshot
from queries.window import HOUR, Window
from tests.booked import stored
from tests.sketch import START

FIRST = Window.hour_of(START)
SECOND = Window(FIRST.end, FIRST.end + HOUR)
MONTH = "2025-03"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path))
    lake.create()
    return lake


def rows_of(dataset: Dataset, *rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([{"cluster": "alpha", "period": MONTH} | row for row in rows], schema=dataset.schema)


def run_at(time: datetime, **columns: object) -> pa.Table:
    """A row of the collections."""
    return rows_of(COLLECTIONS, {"started_at": time, "kind": "live", "success": True} | columns)


def change_at(time: datetime, workload: str, revision: int = 1) -> dict[str, object]:
    """A row of the workloads."""
    hour = Window.hour_of(time).start
    return {"window_start": hour, "revision": revision, "time": time, "workload": workload, "state": "running"}


def test_a_lake_holds_three_tables_and_is_made_once(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    assert lake.create() == ["ledger", "collections", "workloads"]
    assert lake.create() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collections", "ledger", "workloads"]


def test_what_is_appended_is_read_as_it_was_written(lake: Lake) -> None:
    counted = [{"hour": START, "samples": 7}]
    lake.collections.append(
        run_at(START, warnings=["a", "b"], error='it\'s "broken"', counted=counted, samples_read=2**40)
    )
    (row,) = stored(lake.collections).to_dict("records")
    assert list(row["warnings"]) == ["a", "b"]
    assert row["error"] == 'it\'s "broken"'
    assert row["samples_read"] == 2**40
    assert [(each["hour"], each["samples"]) for each in row["counted"]] == [(pd.Timestamp(START), 7)]


def test_several_that_append_at_once_lose_nothing(lake: Lake) -> None:
    def append(writer: int) -> None:
        own = Lake(str(Path(lake.collections.folder).parent))
        for number in range(5):
            own.collections.append(run_at(START + timedelta(seconds=number), samples_read=writer))

    writers = [threading.Thread(target=append, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert stored(lake.collections).groupby("samples_read").size().to_dict() == dict.fromkeys(range(4), 5)


def test_what_was_appended_in_an_hour_that_is_over_is_put_into_one_file(lake: Lake) -> None:
    for minute in range(0, 90, 10):
        lake.collections.append(run_at(START + timedelta(minutes=minute), samples_read=minute))
    (found,) = lake.collections.snapshot().scattered(SECOND.start)
    assert found == ("alpha", "", FIRST)
    assert lake.collections.compact(*found) == 6
    assert sorted(stored(lake.collections)["samples_read"]) == list(range(0, 90, 10))
    assert len(lake.collections.snapshot().files) == 4
    day_after = START + timedelta(days=1)
    (found,) = lake.collections.snapshot().scattered(day_after)
    assert lake.collections.compact(*found) == 4
    assert sorted(stored(lake.collections)["samples_read"]) == list(range(0, 90, 10))
    assert lake.collections.snapshot().scattered(day_after) == []


def test_rows_that_are_appended_while_others_are_compacted_stay(lake: Lake) -> None:
    for minute in range(10):
        lake.collections.append(run_at(START + timedelta(minutes=minute), samples_read=minute))
    stop = threading.Event()

    def append() -> None:
        number = 100
        while not stop.is_set():
            lake.collections.append(run_at(SECOND.start, samples_read=number))
            number += 1

    writer = threading.Thread(target=append)
    writer.start()
    for _ in range(5):
        lake.collections.compact("alpha", "", FIRST)
    stop.set()
    writer.join()
    found = sorted(stored(lake.collections)["samples_read"])
    assert found == [*range(10), *range(100, 100 + len(found) - 10)]
    assert len(lake.collections.snapshot().paths("", FIRST)) == 1


def test_the_hours_of_workloads_are_replaced_per_cluster(lake: Lake) -> None:
    rows = rows_of(WORKLOADS, change_at(START, "a"), change_at(SECOND.start, "b"))
    whole = Window(FIRST.start, SECOND.end)
    assert lake.workloads.replace("alpha", whole, rows, 1) == [FIRST, SECOND]
    other = rows.set_column(0, "cluster", pa.array(["beta"] * 2))
    assert lake.workloads.replace("beta", whole, other, 1) == [FIRST, SECOND]
    again = rows_of(WORKLOADS, change_at(SECOND.start, "c", 2), change_at(SECOND.start, "d", 2))
    assert lake.workloads.replace("alpha", SECOND, again, 2) == [SECOND]
    found = stored(lake.workloads).sort_values(["cluster", "workload"])
    assert [*zip(found["cluster"], found["workload"], strict=True)] == [
        ("alpha", "a"),
        ("alpha", "c"),
        ("alpha", "d"),
        ("beta", "a"),
        ("beta", "b"),
    ]


def test_an_hour_without_rows_replaces_one_that_had_some_and_an_older_one_does_not(lake: Lake) -> None:
    rows = rows_of(WORKLOADS, change_at(START, "a"))
    assert lake.workloads.replace("alpha", FIRST, rows, 2) == [FIRST]
    assert lake.workloads.replace("alpha", FIRST, rows.slice(0, 0), 1) == []
    assert len(stored(lake.workloads)) == 1
    assert lake.workloads.replace("alpha", FIRST, rows.slice(0, 0), 3) == [FIRST]
    assert lake.workloads.replace("alpha", FIRST, rows, 2) == []
    assert stored(lake.workloads).empty


def test_a_table_that_was_deleted_and_made_again_is_read_anew(tmp_path: Path) -> None:
    """A reader that stays open must see neither the old files nor a mixture, also where the new table has a longer history."""
    reader, lake = Lake(str(tmp_path)), Lake(str(tmp_path))
    lake.create()
    for number in range(3):
        lake.collections.append(run_at(START, samples_read=number))
    assert len(stored(reader.collections)) == 3
    shutil.rmtree(tmp_path)
    assert reader.collections.snapshot() == Snapshot.nothing(lake.collections.folder)
    assert lake.create() == ["ledger", "collections", "workloads"]
    assert stored(reader.collections).empty
    shutil.rmtree(tmp_path)
    lake.create()
    for number in range(5):
        lake.collections.append(run_at(START, samples_read=10 + number))
    assert sorted(stored(reader.collections)["samples_read"]) == [10, 11, 12, 13, 14]


def age_log(folder: str, days: int) -> None:
    for file in Path(folder, "_delta_log").iterdir():
        os.utime(file, (time.time() - days * 86_400,) * 2)


def test_a_log_is_summed_up_and_what_is_old_of_it_is_removed(lake: Lake) -> None:
    log = Path(lake.workloads.folder, "_delta_log")
    late = Lake(str(log.parent.parent))
    for revision in range(1, 6):
        rows = rows_of(WORKLOADS, change_at(START, f"a{revision}", revision))
        lake.workloads.replace("alpha", FIRST, rows, revision)
        if revision == 2:
            assert stored(late.workloads)["workload"].tolist() == ["a2"]
    lake.workloads.checkpoint()
    assert len(list(log.glob("*.json"))) == 6
    age_log(lake.workloads.folder, days=2)
    lake.workloads.checkpoint()
    assert len(list(log.glob("*.json"))) == 1
    for reader in (late, Lake(str(log.parent.parent))):
        assert stored(reader.workloads)["workload"].tolist() == ["a5"]
    assert DeltaTable(lake.workloads.folder).transaction_version("alpha/2025-03-03T00:00:00Z") == 5
    assert lake.workloads.replace("alpha", FIRST, rows, 5) == []


def test_what_a_killed_writer_had_begun_is_removed_when_it_is_old(lake: Lake) -> None:
    lake.collections.append(run_at(START))
    folder = Path(lake.collections.folder, "cluster=alpha", f"period={MONTH}")
    old, new = folder / "part-0.zstd.parquet#1", folder / "part-1.zstd.parquet#1"
    for begun in (old, new):
        begun.write_bytes(b"PAR1")
    os.utime(old, (0, 0))
    assert lake.collections.vacuum() == 1
    assert (old.exists(), new.exists()) == (False, True)
    assert len(stored(lake.collections)) == 1
    assert lake.collections.vacuum(timedelta(0)) == 1
    assert not new.exists()
