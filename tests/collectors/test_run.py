import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from collectors.collector import Collector
from collectors.run import tick_after, watch
from queries.settings import Collect, Settings
from queries.window import HOUR
from tests.booked import both
from tests.collectors import faulty
from tests.collectors.site import HOURS, LATER, START, WINDOW, assert_whole, cluster, in_order, new_lake, site


def collector(url: str, folder: Path, time: datetime, backfill: str = "30d") -> Collector:
    return Collector(cluster(url, backfill=backfill), new_lake(folder), Collect(), clock=lambda: time)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("site")) as address:
        yield address


def ticked(url: str, folder: Path, time: datetime) -> list[datetime]:
    """The hours that a tick at some time writes."""
    return [done.hour.start for done in collector(url, folder, time).tick() if done.is_written]


def test_the_open_hour_is_written_again_at_every_tick(url: str, tmp_path: Path) -> None:
    first, second = START, START + HOUR
    assert ticked(url, tmp_path, second + timedelta(minutes=30)) == [first, second]
    assert ticked(url, tmp_path, second + timedelta(minutes=31)) == [second]
    assert ticked(url, tmp_path, second + timedelta(minutes=31, seconds=30)) == [second]


def test_an_hour_is_final_when_it_was_read_after_its_grace(url: str, tmp_path: Path) -> None:
    hour, end = START + HOUR, START + 2 * HOUR
    assert ticked(url, tmp_path, end - timedelta(minutes=1))[-1] == hour
    assert ticked(url, tmp_path, end + timedelta(minutes=5)) == [hour, end]
    assert ticked(url, tmp_path, end + timedelta(minutes=10)) == [hour, end]
    assert ticked(url, tmp_path, end + timedelta(minutes=11)) == [end]


def test_missing_hours_are_found_and_filled_oldest_first(url: str, tmp_path: Path) -> None:
    late = collector(url, tmp_path, LATER, backfill="2d")
    assert late.beginning() == START
    missing = late.missing_hours()
    assert [hour.start for hour in missing] == [START + number * HOUR for number in range(HOURS - 1)]
    assert [done.hour for done in late.fill(missing)] == missing
    late.tick()
    assert late.missing_hours() == []
    assert_whole(late.lake)


def test_nothing_is_missing_before_the_backfill_that_was_asked_for(url: str, tmp_path: Path) -> None:
    late = collector(url, tmp_path, LATER, backfill="3h")
    assert [hour.start for hour in late.missing_hours()] == [START + 2 * HOUR]


def test_where_there_is_nothing_nothing_is_missing(url: str, tmp_path: Path) -> None:
    early = collector(url, tmp_path, START - timedelta(days=30), backfill="2d")
    assert early.beginning() is None
    assert early.missing_hours() == []


@pytest.mark.parametrize("collectors", [2])
def test_live_collection_and_backfill_at_once_lose_and_double_nothing(
    url: str, tmp_path: Path, collectors: int
) -> None:
    """One or two collectors keep the cluster, while a backfill fills it, and then collects it all again. Every version
    that a reader sees has each hour once or not yet."""
    time, stop, done = START + 3.5 * HOUR, threading.Event(), threading.Event()
    settings = Settings.model_validate({"store": {"path": str(tmp_path / "lake")}, "collect": {"tick": "1s"}})
    lake, own = new_lake(tmp_path), cluster(url, backfill="2d")
    now = count()

    def clock() -> datetime:
        return time + next(now) * timedelta(seconds=1)

    def backfill() -> None:
        filling = Collector(own, new_lake(tmp_path), Collect(), clock)
        list(filling.fill(list(filling.unfinished(WINDOW))))
        list(filling.correct(filling.final_hours(WINDOW), "refuse"))
        done.set()

    threads = [
        threading.Thread(target=watch, args=(own, new_lake(tmp_path), settings, stop, clock), daemon=True)
        for _ in range(collectors)
    ]
    threads.append(threading.Thread(target=backfill, daemon=True))
    for thread in threads:
        thread.start()
    while threads[-1].is_alive():
        for rows in both(lake, WINDOW):
            per_hour = rows.groupby("window_start")["capacity_seconds"].sum()
            assert (per_hour <= 7200).all()
            assert (per_hour.drop(pd.Timestamp(START + 3 * HOUR), errors="ignore") == 7200).all()
    assert done.is_set()
    stop.set()
    for thread in threads:
        thread.join(60)
    list(collector(url, tmp_path, LATER).fill(list(WINDOW.hours())))
    list(collector(url, tmp_path / "undisturbed", LATER).fill(list(WINDOW.hours())))
    assert_whole(lake)
    for rows, others in zip(both(lake, WINDOW), both(new_lake(tmp_path / "undisturbed"), WINDOW), strict=True):
        pd.testing.assert_frame_equal(in_order(rows), in_order(others))


def never_answers(release: threading.Event) -> Callable[[str], faulty.Answer]:
    def respond(_: str) -> faulty.Answer:
        release.wait()
        return 200, b""

    return respond


def test_a_cluster_that_is_down_slow_or_talks_rubbish_does_not_hinder_the_others(url: str, tmp_path: Path) -> None:
    """Four clusters, each in a thread of its own, as they run: three that fail, each in its way, and one that must not
    care."""
    release, stop = threading.Event(), threading.Event()
    lake = new_lake(tmp_path)
    settings = Settings(store={"path": str(tmp_path / "lake")}, collect={"tick": "1s"})
    with (
        faulty.server(never_answers(release)) as slow,
        faulty.server(lambda _: faulty.RUBBISH["a login page"]) as rubbish,
    ):
        clusters = [
            cluster("http://127.0.0.1:1", "down"),
            cluster(slow, "slow", timeout="60s"),
            cluster(rubbish, "rubbish"),
            cluster(url, "site", backfill="2d"),
        ]
        threads = [
            threading.Thread(target=watch, args=(each, lake, settings, stop, lambda: LATER), daemon=True)
            for each in clusters
        ]
        for thread in threads:
            thread.start()
        while len(lake.snapshot().revisions("site", WINDOW)) < HOURS:
            assert threads[-1].is_alive()
            time.sleep(0.02)
        assert threads[1].is_alive()  # still waiting for the slow one's first answer
        release.set()
        stop.set()
        for thread in threads:
            thread.join(30)
    assert_whole(lake)
    assert set(lake.snapshot().collected_until()) == {"site"}


@pytest.mark.parametrize(
    ("time", "tick", "following"),
    [
        ((12, 0, 0), 60, (12, 0, 2)),
        ((12, 0, 2), 60, (12, 1, 2)),
        ((12, 0, 33), 60, (12, 1, 2)),
        ((12, 0, 33), 30, (12, 1, 2)),
        ((12, 0, 33), 300, (12, 5, 2)),
    ],
)
def test_a_tick_comes_just_after_the_end_of_a_step(
    time: tuple[int, int, int], tick: int, following: tuple[int, int, int]
) -> None:
    day = (2026, 3, 2)
    found = tick_after(datetime(*day, *time, tzinfo=UTC), timedelta(seconds=tick))
    assert found == datetime(*day, *following, tzinfo=UTC)
