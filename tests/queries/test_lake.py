import random
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from queries.lake import Lake, LakeError
from queries.window import HOUR, Window
from tests.booked import SECONDS, both, frame
from tests.depth import deep
from tests.queries.committer import HOURS, revised, sketch
from tests.sketch import START

ALL = Window(START, START + HOURS * HOUR)
EVERY_HOUR = list(ALL.hours())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path))
    lake.create()
    return lake


def commit(lake: Lake, hours: list[Window], revision: int) -> list[Window]:
    booked = sketch().book(HOURS)
    return [written for hour in hours for written in lake.replace(hour, revised(booked.of(hour), revision))]


def assert_whole(lake: Lake, hours: int = HOURS) -> None:
    """Every hour is there once: two GPUs, one held and half busy."""
    for rows in both(lake, ALL):
        assert rows[SECONDS].sum().sum() == pytest.approx(hours * 2 * 3600)
        assert rows["busy_seconds"].sum() == pytest.approx(hours * 1800)
        assert rows["free_seconds"].sum() == pytest.approx(hours * 3600)
        assert len(rows) == len(rows.drop_duplicates(["gpu_uuid", "pod", "time"]))


def test_a_window_written_twice_is_there_once(lake: Lake) -> None:
    assert commit(lake, EVERY_HOUR, revision=1) == EVERY_HOUR
    assert commit(lake, EVERY_HOUR, revision=2) == EVERY_HOUR
    assert_whole(lake)


def test_an_older_reading_does_not_replace_a_newer_one(lake: Lake) -> None:
    commit(lake, EVERY_HOUR, revision=2)
    version = lake.snapshot().version
    assert commit(lake, EVERY_HOUR, revision=2) == []
    assert commit(lake, EVERY_HOUR, revision=1) == []
    assert lake.snapshot().version == version


def test_hours_that_are_committed_together_are_each_replaced_by_what_is_newer_alone(lake: Lake) -> None:
    booked = sketch().book(HOURS)
    newer = EVERY_HOUR[1]
    assert lake.replace(newer, revised(booked.of(newer), 2)) == [newer]
    version = lake.snapshot().version
    rest = [hour for hour in EVERY_HOUR if hour != newer]
    assert lake.replace(ALL, revised(booked.of(ALL), 1)) == rest
    assert lake.snapshot().version == version + 1
    assert_whole(lake)
    assert lake.snapshot().revisions("sketch", ALL) == {hour.start: 1 + (hour == newer) for hour in EVERY_HOUR}
    assert lake.replace(newer, revised(booked.of(newer), 3)) == [newer]
    assert_whole(lake)


def test_windows_may_come_in_any_order(lake: Lake) -> None:
    commit(lake, list(reversed(EVERY_HOUR)), revision=1)
    assert_whole(lake)
    assert lake.snapshot().revisions("sketch", ALL) == {hour.start: 1 for hour in EVERY_HOUR}


def test_samples_and_hours_come_in_one_commit(lake: Lake) -> None:
    before = lake.snapshot().version
    commit(lake, EVERY_HOUR[:1], revision=1)
    assert lake.snapshot().version == before + 1
    assert set(lake.snapshot().files["layer"].to_pylist()) == {"raw", "hour"}


def test_clusters_do_not_replace_each_other(lake: Lake) -> None:
    commit(lake, EVERY_HOUR, revision=1)
    booked = sketch()
    booked.cluster = booked.cluster.model_copy(update={"name": "other"})
    rows = booked.book(HOURS)
    for hour in EVERY_HOUR:
        assert lake.replace(hour, rows.of(hour))
    assert set(lake.snapshot().collected_until()) == {"sketch", "other"}
    assert frame(lake, ALL, "hour")["capacity_seconds"].sum() == pytest.approx(HOURS * 4 * 3600)


def test_writers_at_once_lose_nothing(lake: Lake) -> None:
    booked = sketch().book(HOURS)
    revisions = iter(range(1, 1000))

    def write(seed: int) -> None:
        hours = EVERY_HOUR * 2
        random.Random(seed).shuffle(hours)  # noqa: S311 - any order
        for hour in hours:
            lake.replace(hour, revised(booked.of(hour), next(revisions)))

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert_whole(lake)


def test_writers_that_are_killed_leave_a_whole_lake(tmp_path: Path) -> None:
    """Two processes commit the same hours and are killed in the middle, while this one reads. Every version it sees is whole:
    an hour is there once, or not yet."""
    lake = Lake(str(tmp_path))
    lake.create()
    dice = random.Random(7)  # noqa: S311 - any order
    versions = set()
    for turn in range(deep(2)):
        writers = [start_committer(tmp_path, f"{turn}-{number}") for number in range(2)]
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == b"ready\n"
        for _ in range(dice.randrange(3, 9)):
            versions.add(lake.snapshot().version)
            seen = len(lake.snapshot().revisions("sketch", ALL))
            assert seen <= HOURS
            raw, hours = both(lake, ALL)
            assert raw["capacity_seconds"].sum() % 7200 == pytest.approx(0, abs=1e-6)
            assert len(hours) == len(hours.drop_duplicates(["gpu_uuid", "pod", "time"]))
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert len(versions) > 2
    commit(lake, EVERY_HOUR, revision=2**60)
    assert_whole(lake)
    lake.ledger.vacuum(timedelta(0))
    assert files_on_disk(tmp_path) == set(DeltaTable(lake.ledger.folder).file_uris())


def start_committer(path: Path, seed: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "tests.queries.committer", str(path), seed], stdout=subprocess.PIPE)


def files_on_disk(path: Path) -> set[str]:
    return {str(file) for file in path.rglob("*.parquet") if "_delta_log" not in file.parts}


def test_compaction_changes_no_answer_and_leaves_one_file_a_layer(lake: Lake) -> None:
    commit(lake, EVERY_HOUR, revision=1)
    day = Window(START, START + timedelta(days=1))
    (before_raw, before_hours), later = both(lake, ALL), START + timedelta(days=40)
    assert lake.snapshot().scattered(START + timedelta(hours=12)) == []
    for cluster, layer, window in lake.snapshot().scattered(later):
        assert lake.ledger.compact(cluster, layer, window) == HOURS
    assert len(lake.snapshot().files) == 2
    assert lake.snapshot().scattered(later) == []
    raw, hours = both(lake, day)
    assert raw[SECONDS].sum().to_dict() == pytest.approx(before_raw[SECONDS].sum().to_dict())
    assert hours[SECONDS].sum().to_dict() == pytest.approx(before_hours[SECONDS].sum().to_dict())
    assert lake.snapshot().revisions("sketch", ALL) == {hour.start: 1 for hour in EVERY_HOUR}


def test_an_hour_inside_a_compacted_day_can_be_replaced(lake: Lake) -> None:
    commit(lake, EVERY_HOUR, revision=1)
    for cluster, layer, window in lake.snapshot().scattered(START + timedelta(days=40)):
        lake.ledger.compact(cluster, layer, window)
    commit(lake, EVERY_HOUR[2:3], revision=2)
    assert_whole(lake)
    assert lake.snapshot().revisions("sketch", ALL)[EVERY_HOUR[2].start] == 2


def test_what_is_past_its_retention_is_dropped_by_period(lake: Lake) -> None:
    commit(lake, EVERY_HOUR, revision=1)
    day = START.strftime("%Y-%m-%d")
    assert lake.snapshot().expired("raw", START + timedelta(hours=23)) == []
    assert lake.snapshot().expired("raw", START + timedelta(days=1)) == [("sketch", day)]
    lake.ledger.drop("sketch", "raw", day)
    raw, hours = both(lake, ALL)
    assert raw.empty
    assert hours["capacity_seconds"].sum() == pytest.approx(HOURS * 7200)


def test_how_far_a_cluster_was_collected_is_read_from_the_log(lake: Lake) -> None:
    halfway = EVERY_HOUR[1].start + timedelta(minutes=30)
    commit(lake, EVERY_HOUR[:2], revision=int(halfway.timestamp()))
    assert lake.snapshot().collected_until() == {"sketch": halfway}
    commit(lake, EVERY_HOUR[:2], revision=int(START.timestamp()) + 86_400)
    assert lake.snapshot().collected_until() == {"sketch": EVERY_HOUR[1].end}


def test_a_lake_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "nowhere"))
    assert lake.snapshot().version == -1
    assert lake.snapshot().paths("raw", ALL) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        LakeError, match=r"store\.path: cannot write to .*file/lake/ledger: Not a directory; name a folder"
    ):
        Lake(str(tmp_path / "file" / "lake")).create()


def test_a_store_that_is_no_folder_is_refused() -> None:
    with pytest.raises(LakeError, match="only local folders"):
        Lake("s3://bucket/prefix")


def test_rows_of_another_window_are_refused(lake: Lake) -> None:
    booked = sketch().book(HOURS)
    with pytest.raises(LakeError):
        lake.replace(EVERY_HOUR[0], booked.of(EVERY_HOUR[1]))
    assert both(lake, ALL)[0].empty


def test_the_times_of_the_log_are_utc(lake: Lake) -> None:
    commit(lake, EVERY_HOUR[:1], revision=1)
    (until,) = lake.snapshot().collected_until().values()
    assert until.tzinfo is UTC
    assert isinstance(until, datetime)
