"""Collectors are killed at random while readers ask: nothing is ever wrong, and in the end nothing is missing."""

import multiprocessing
import random
import time
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import pandas as pd
from deltalake import DeltaTable

from collectors.collector import Collector
from collectors.upkeep import keep_up
from queries.lake import Lake
from queries.settings import Collect, Settings
from queries.window import HOUR
from tests.booked import both
from tests.collectors import chaos
from tests.collectors.site import LATER, START, WINDOW, assert_whole, cluster, in_order, new_lake, site
from tests.depth import deep

KILLS = deep(14)
AT_ONCE = 2
"""How many collectors share the cluster."""
COMMITS = 2
"""Fewer commits than these they live to see."""


def processes() -> ForkServerContext:
    """New processes are forks of one that has imported everything and done nothing: they begin at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.collectors.chaos"])
    return context


def test_collectors_that_are_killed_lose_nothing_and_readers_never_see_it(tmp_path: Path) -> None:
    context, lake, stop = processes(), new_lake(tmp_path), processes().Event()
    with site(tmp_path / "site") as url:
        readers = [start_reader(context, lake.folder, stop) for _ in range(2)]
        kill_collectors(context, url, lake)
        stop.set()
        for reader, answered in readers:
            answers, problem = answered.recv()
            assert problem == ""
            assert answers > 0
            reader.join()
        undisturbed = new_lake(tmp_path / "undisturbed")
        for each in (lake, undisturbed):
            list(Collector(cluster(url, backfill="1d"), each, Collect(), lambda: LATER).catch_up())
            list(Collector(cluster(url, backfill="1d"), each, Collect(), lambda: LATER).tick())
    assert_the_same(lake, undisturbed)
    list(keep_up(lake, Settings(), chaos.DAY_AFTER))
    assert_the_same(lake, undisturbed)
    assert_no_file_is_left_behind(lake)


def start_reader(
    context: ForkServerContext, folder: str, stop: Event
) -> tuple[ForkServerProcess, "multiprocessing.connection.Connection"]:
    answered, told = context.Pipe(duplex=False)
    reader = context.Process(target=chaos.query_until, args=(stop, folder, told))
    reader.start()
    return reader, answered


def kill_collectors(context: ForkServerContext, url: str, lake: Lake) -> None:
    """The site's hours pass while they die: each some commits after the one before, and then at any moment until the next
    commit would be due."""
    dice, pause = random.Random(11), 0.0  # noqa: S311 - any moment
    for turn in range(0, KILLS, AT_ONCE):
        now = START + 2 * HOUR + 3 * HOUR * turn / KILLS
        collectors = [start_collector(context, url, lake.folder, now) for _ in range(AT_ONCE)]
        for collector in collectors:
            began, commits = time.monotonic(), dice.randrange(COMMITS)
            wait_for(commits, lake, collectors[-1])
            pause = (time.monotonic() - began) / commits if commits else pause
            time.sleep(dice.uniform(0, pause))
            collector.kill()
            collector.join()


def wait_for(commits: int, lake: Lake, collector: ForkServerProcess) -> None:
    before = versions(lake)
    while versions(lake) < before + commits:
        assert collector.is_alive()
        time.sleep(0.01)


def versions(lake: Lake) -> int:
    """How many commits there were, by the names of their files."""
    return sum(len(list(Path(table.folder, "_delta_log").glob("*.json"))) for table in lake.tables)


def start_collector(context: ForkServerContext, url: str, folder: str, now: datetime) -> ForkServerProcess:
    told, ready = context.Pipe(duplex=False)
    collector = context.Process(target=chaos.collect_until_killed, args=(url, folder, now, ready))
    collector.start()
    assert told.recv() == "ready"
    return collector


def assert_the_same(lake: Lake, other: Lake) -> None:
    assert_whole(lake)
    for rows, others in zip(both(lake, WINDOW), both(other, WINDOW), strict=True):
        pd.testing.assert_frame_equal(in_order(rows), in_order(others))


def assert_no_file_is_left_behind(lake: Lake) -> None:
    for table in lake.tables:
        table.vacuum(timedelta(0))
        found = {str(path) for path in Path(table.folder).rglob("*") if path.is_file()}
        log = {path for path in found if "/_delta_log/" in path}
        assert found - log == set(DeltaTable(table.folder).file_uris())
        assert [path for path in log if not path.endswith((".json", ".checkpoint.parquet", "/_last_checkpoint"))] == []
