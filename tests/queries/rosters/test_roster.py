"""What is in memory answers as the files do, whatever was written meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.datasets import WORKLOADS as CHANGES
from queries.ids import workload_id
from queries.lake import Lake, LakeError
from queries.rosters.roster import PODS, WORKLOADS, Roster
from queries.window import HOUR, Window
from tests.depth import deep
from tests.queries.test_question import HOURS, drawn
from tests.sketch import START

NOW = datetime(2025, 3, 3, 12, 30, tzinfo=UTC)

STATES = ("submitted", "pending", "running", "ended")


def hour_of(number: int) -> datetime:
    return NOW.replace(minute=0) - number * HOUR


def change(
    hour: int, minute: int, name: str, state: str, project: str | None, cluster: str = "alpha"
) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "period": hour_of(hour).strftime("%Y-%m-%d"),
        "window_start": hour_of(hour),
        "revision": int(NOW.timestamp()),
        "time": hour_of(hour) + timedelta(minutes=minute),
        "namespace": "team",
        "workload": name,
        "workload_kind": "Job",
        "project": project,
        "state": state,
        "reason": "Completed" if state == "ended" else None,
        "requested_gpus": float(minute),
        "queue_seconds": float(hour) if state == "running" else None,
    }


def write(lake: Lake, hour: int, rows: list[dict[str, Any]], cluster: str = "alpha") -> None:
    """All that is told of an hour of a cluster, from now on."""
    table = pa.Table.from_pylist(rows, CHANGES.schema)
    lake.workloads.replace(cluster, Window.hour_of(hour_of(hour)), table, int(NOW.timestamp()) + next(REVISIONS))


REVISIONS: Iterator[int] = iter(range(1_000_000))


def told(roster: Roster) -> list[dict[str, Any]]:
    version = roster.version()
    with roster.cursor(roster.stop) as cursor:
        if version.touched is not None:
            cursor.register("touched", version.touched)
        found: pa.Table = cursor.execute(
            f"select * exclude (number) from ({roster.rows(version)}) order by id"
        ).to_arrow_table()
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes")


CHANGED = st.tuples(
    st.integers(0, 5),
    st.lists(
        st.tuples(
            st.integers(0, 59),
            st.sampled_from("abc"),
            st.sampled_from(STATES),
            st.sampled_from(["p", "q", None]),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda each: each[:3],
    ),
)


@settings(max_examples=deep(6))
@given(writes=st.lists(CHANGED, min_size=1, max_size=5), refreshed=st.sets(st.integers(0, 4)), compacted=st.booleans())
def test_memory_answers_as_the_files_do(writes: list[Any], refreshed: set[int], compacted: bool, lakes: Path) -> None:
    lake = Lake(str(lakes / f"lake-{len(list(lakes.iterdir()))}"))
    lake.create()
    write(lake, 0, [change(0, 1, "newest", "running", "p")])
    held, read = Roster(lake, WORKLOADS, 10**9), Roster(lake, WORKLOADS, 0)
    for number, (hour, rows) in enumerate(writes):
        write(lake, hour, [change(hour, *row) for row in rows])
        if number in refreshed:
            held._rests_until = 0
            held.refresh()
        assert told(held) == told_of(read)
    if compacted:
        lake.workloads.compact("alpha", "", Window(NOW.replace(hour=0, minute=0), hour_of(2)))
        assert told(held) == told_of(read)
    held.close()
    read.close()


def told_of(roster: Roster) -> list[dict[str, Any]]:
    assert roster.version().base is None
    return told(roster)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path))
    lake.create()
    return lake


@pytest.fixture
def roster(lake: Lake) -> Iterator[Roster]:
    roster = Roster(lake, WORKLOADS, 10**9)
    yield roster
    roster.close()


def test_a_workload_is_what_was_told_of_it_last(lake: Lake, roster: Roster) -> None:
    write(lake, 9, [change(9, 0, "a", "submitted", "p"), change(9, 5, "a", "running", "p")])
    write(lake, 8, [change(8, 0, "a", "ended", None)])
    (row,) = told(roster)
    assert row["id"] == workload_id("alpha", "team", "Job", "a")
    assert (row["state"], row["reason"], row["project"]) == ("ended", "Completed", None)
    assert (row["submitted_at"], row["started_at"], row["queue_seconds"]) == (
        hour_of(9),
        hour_of(9) + timedelta(minutes=5),
        9,
    )


def test_what_newer_files_tell_is_joined_with_memory(lake: Lake, roster: Roster) -> None:
    write(lake, 9, [change(9, 0, "a", "submitted", "p"), change(9, 5, "b", "running", "p")])
    write(lake, 0, [change(0, 0, "a", "pending", "p")])
    roster.refresh()
    version = roster.version()
    assert version.base is not None
    assert version.touched is not None
    assert version.touched["workload"].to_pylist() == ["a"]
    assert [(row["workload"], row["state"]) for row in sorted(told(roster), key=lambda row: str(row["workload"]))] == [
        ("a", "pending"),
        ("b", "running"),
    ]


def test_a_change_that_is_taken_back_is_not_told_any_more(lake: Lake, roster: Roster) -> None:
    write(lake, 9, [change(9, 0, "a", "submitted", "p"), change(9, 5, "a", "running", "p")])
    write(lake, 0, [change(0, 0, "b", "pending", "p")])
    roster.refresh()
    write(lake, 9, [change(9, 0, "a", "submitted", "p")])
    assert roster.version().base is None
    assert {row["workload"]: row["state"] for row in told(roster)} == {"a": "submitted", "b": "pending"}


def test_more_than_the_budget_is_read_from_files(lake: Lake) -> None:
    write(lake, 9, [change(9, 0, "a", "submitted", "p")])
    write(lake, 0, [change(0, 0, "b", "pending", "p")])
    for budget in (0, 1000):
        roster = Roster(lake, WORKLOADS, budget)
        roster.refresh()
        assert (roster.bytes, roster.version().base) == (0, None)
        assert len(told(roster)) == 2
        roster.close()


def test_what_is_not_read_any_more_is_given_back(lake: Lake, roster: Roster) -> None:
    write(lake, 9, [change(9, 0, "a", "submitted", "p")])
    write(lake, 0, [change(0, 0, "b", "pending", "p")])
    roster.refresh()
    version = roster.version()
    write(lake, 8, [change(8, 0, "a", "running", "p")])
    roster._rests_until = 0
    roster.refresh()
    roster.refresh()
    assert len(databases(roster)) == 2
    assert version.base is not None
    del version
    roster.refresh()
    assert len(databases(roster)) == 1


def databases(roster: Roster) -> list[Any]:
    with roster.cursor(roster.stop) as cursor:
        return cursor.execute("select 1 from duckdb_databases() where database_name like 'base%'").fetchall()


def test_a_pod_is_known_from_the_hours_in_which_it_held_gpus(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create()
    booked = drawn("alpha", 2, 0.5).book(HOURS)
    for hour in Window(START, START + HOURS * HOUR).hours():
        lake.replace(hour, booked.of(hour))
    held, read = Roster(lake, PODS, 10**9), Roster(lake, PODS, 0)
    held.refresh()
    assert held.bytes
    assert told(held) == told(read)
    rows = {row["pod"]: row for row in told(held)}
    assert set(rows) == {"pa", "pb"}
    assert (rows["pa"]["first_held_at"], rows["pa"]["last_held_at"]) == (START, START + HOURS * HOUR)
    assert rows["pa"]["workload_id"] == workload_id("alpha", "team", "Pod", "pa")
    held.close()
    read.close()


def test_the_answer_of_a_damaged_file_is_an_error(lake: Lake, roster: Roster) -> None:
    write(lake, 9, [change(9, 0, "a", "submitted", "p")])
    for path in Path(lake.workloads.folder).rglob("*.parquet"):
        path.write_bytes(b"no parquet")
    with pytest.raises(LakeError):
        told(roster)
