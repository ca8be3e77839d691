"""Hours that are collected again: what is corrected, what is refused, what came late, and what an outage left."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from collectors.cli import app
from collectors.collector import Collector
from collectors.run import watch
from queries.lake import Lake
from queries.settings import Collect, Settings
from queries.window import HOUR, Window
from tests.booked import both, frame, stored
from tests.collectors.site import HOURS, LATER, SERIES, START, WINDOW, assert_whole, cluster, in_order, new_lake, site
from tests.series import openmetrics
from tests.servers import feed, prometheus

MINUTE = timedelta(minutes=1)
GPUS = "\n".join(line for line in SERIES.splitlines() if "kueue" not in line)
"""Whose values do not change."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("site")) as address:
        yield address


def during(first: int, last: int) -> str:
    """The site from one minute to another alone."""
    return re.sub(r"(\S+)x240", rf"_x{first} \1x{last - first}", GPUS)


@contextmanager
def knowing(folder: Path, *texts: str) -> Iterator[str]:
    """A Prometheus that has these series; one more than before, if it was started here before."""
    for text in texts:
        feed(folder / "prometheus", openmetrics(text, START))
    with prometheus(folder) as server:
        yield server.url


def collector(url: str, lake: Lake, time: datetime) -> Collector:
    return Collector(cluster(url, backfill="2d"), lake, Collect(), clock=lambda: time)


def runs(lake: Lake, kind: str) -> pd.DataFrame:
    found = stored(lake.collections)
    return found[found["kind"] == kind].sort_values("started_at", kind="stable", ignore_index=True)


def test_an_open_hour_keeps_what_a_prometheus_that_began_anew_has_forgotten(tmp_path: Path) -> None:
    """It is started with empty storage at half past two; at four, nothing of the time before is lost."""
    lake, undisturbed = new_lake(tmp_path), new_lake(tmp_path / "undisturbed")
    with knowing(tmp_path / "old", during(0, 150)) as old:
        collector(old, lake, START + 150 * MINUTE).tick()
    with knowing(tmp_path / "new", during(150, 240)) as new:
        done = collector(new, lake, START + 165 * MINUTE).tick()
        assert [each.hour.start for each in done if each.is_written] == [START + 2 * HOUR]
        assert "30 steps of the hour 2025-03-03T02:00:00Z are kept as they are" in (done[0].note or "")
        assert [len(warnings) for warnings in runs(lake, "live")["warnings"]] == [0, 1]
        collector(new, lake, LATER - HOUR / 2).tick()
        list(collector(new, lake, LATER).catch_up())
    with knowing(tmp_path / "all", during(0, 240)) as whole:
        list(collector(whole, undisturbed, LATER).fill(list(Window(START + HOUR, WINDOW.end).hours())))
    for rows, others in zip(both(lake, WINDOW), both(undisturbed, WINDOW), strict=True):
        pd.testing.assert_frame_equal(in_order(rows), in_order(others))


def backfill(folder: Path, url: str, *options: str, lines: str = "") -> Result:
    """Run the command, in another second than the one before: of an hour that is read twice in one, the first stays."""
    time.sleep(1)
    config = folder / "metrics.toml"
    config.write_text(
        f'[store]\npath = "{folder / "lake"}"\n[[clusters]]\nname = "site"\nprometheus = "{url}"\n{lines}'
    )
    command = ["backfill", "--from", "2025-03-03", "--to", "2025-03-03T04:00:00Z", *options, "--config", str(config)]
    return CliRunner().invoke(app, command)


def test_hours_that_are_final_are_collected_again_when_asked_for(url: str, tmp_path: Path) -> None:
    """As after a label was set wrongly: samples and sums follow."""
    assert backfill(tmp_path, url, lines="labels = { user = ['nobody'] }").exit_code == 0
    lake = new_lake(tmp_path)
    assert set(frame(lake, WINDOW, "hour")["user"].dropna()) == set()
    assert "0/0 hours" in backfill(tmp_path, url).output
    again = backfill(tmp_path, url, "--again")
    assert again.exit_code == 0, again.output
    assert "4/4 hours" in again.output
    for rows in both(lake, WINDOW):
        assert set(rows["user"].dropna()) == {"ada"}
    assert_whole(lake)
    assert runs(lake, "correction")["hours_written"].tolist() == [HOURS]


def test_a_correction_is_refused_by_name_where_prometheus_no_longer_has_the_samples(url: str, tmp_path: Path) -> None:
    """Its retention has passed: of the second hour it has a half, of the first nothing."""
    assert backfill(tmp_path, url).exit_code == 0
    lake = new_lake(tmp_path)
    refused_hours = Window(START, START + 2 * HOUR)
    before = both(lake, refused_hours)
    with knowing(tmp_path / "short", during(90, 240)) as short:
        refused = backfill(tmp_path, short, "--again")
        said = " ".join(refused.output.split())
        assert refused.exit_code == 2
        assert f"cluster 'site': the hour 2025-03-03T00:00:00Z is left as it is: {short} knows less of it" in said
        assert "the hour 2025-03-03T01:00:00Z is left as it is" in said
        assert "the hour 2025-03-03T02:00:00Z" not in said
        assert "--force replaces it all the same" in said
        for rows, others in zip(both(lake, refused_hours), before, strict=True):
            pd.testing.assert_frame_equal(rows, others)
        assert_whole(lake)
        (run,) = runs(lake, "correction").to_dict("records")
        assert (run["success"], run["hours_written"], len(run["warnings"])) == (True, 2, 2)
        forced = backfill(tmp_path, short, "--again", "--force")
        assert forced.exit_code == 0, forced.output
    assert frame(lake, WINDOW, "hour")["busy_seconds"].sum() == pytest.approx(1800 * 2.5)


def test_force_without_again_is_a_mistake(url: str, tmp_path: Path) -> None:
    refused = backfill(tmp_path, url, "--force")
    assert refused.exit_code == 2
    assert "--force goes with --again" in " ".join(refused.output.split())


def test_samples_that_come_late_are_found_and_their_hours_collected_again(tmp_path: Path) -> None:
    """A remote write was held up: the second hour came when it was long final."""
    lake = new_lake(tmp_path)

    def looked_at(url: str, time: datetime) -> list[datetime]:
        return [done.hour.start for done in collector(url, lake, time).correct_late() if done.is_written]

    with knowing(tmp_path, during(0, 60), during(120, 240)) as early:
        list(collector(early, lake, LATER).fill(list(WINDOW.hours())))
        assert frame(lake, WINDOW, "hour")["busy_seconds"].sum() == pytest.approx(1800 * 3)
        assert looked_at(early, LATER + MINUTE) == [hour.start for hour in WINDOW.hours()]  # since they are final
        assert looked_at(early, LATER + HOUR) == []
    with knowing(tmp_path, during(60, 120)) as late:
        assert looked_at(late, LATER + 2 * HOUR) == [START + HOUR]
        assert looked_at(late, LATER + 3 * HOUR) == []
    assert_whole(lake)
    assert len(runs(lake, "correction")) == 2
    first, second = ({each["samples"] for each in run} for run in runs(lake, "correction")["counted"])
    assert len(second) == 1
    assert min(second) >= 7 * 60  # six series of GPUs and one of their node, a sample a minute
    assert first == {0} | second


def test_late_samples_are_looked_for_once_an_hour_and_for_a_day(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    list(collector(url, lake, LATER).fill(list(WINDOW.hours())))
    looking = collector(url, lake, LATER + MINUTE)
    assert len(list(looking.correct_late())) == HOURS
    read = looking.prometheus.bytes_read
    assert list(looking.correct_late()) == []
    assert looking.prometheus.bytes_read == read
    assert len(list(collector(url, lake, START + timedelta(hours=26)).correct_late())) == 0
    assert len(runs(lake, "correction")) == 1


class Impatient(threading.Event):
    """Does not wait: time is told by the test's clock."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002
        return self.is_set()


def test_an_outage_of_the_collector_is_made_up_for_oldest_first_and_the_present_goes_on(tmp_path: Path) -> None:
    """It was down for six hours. Each look at the clock takes twenty seconds, so that there is time for an hour or two
    between the ticks; every tick writes the open hour again."""
    hours, stop = 9, Impatient()
    text = GPUS.replace("x240", f"x{hours * 60}")
    lake, undisturbed = new_lake(tmp_path), new_lake(tmp_path / "undisturbed")
    window = Window(START, START + hours * HOUR)
    back = START + timedelta(hours=7, minutes=20)
    with knowing(tmp_path, text) as url:
        collector(url, lake, START + 65 * MINUTE).tick()
        looks = count()

        def clock() -> datetime:
            time = back + next(looks) * timedelta(seconds=20)
            if time > back + 30 * MINUTE:
                stop.set()
            return time

        settings = Settings.model_validate({"store": {"path": str(tmp_path / "lake")}})
        small = cluster(url, backfill="2d")
        Collector.samples_in, samples_in = lambda *_: 10**9, Collector.samples_in  # type: ignore[method-assign]
        try:
            watch(small, lake, settings, stop, clock)
        finally:
            Collector.samples_in = samples_in  # type: ignore[method-assign]
        list(collector(url, undisturbed, window.end + HOUR).fill(list(window.hours())))
    assert list(lake.snapshot().unfinished("site", Window(START, START + 7 * HOUR), timedelta(minutes=10))) == []
    in_turn = stored(lake.collections).sort_values("started_at", kind="stable")
    in_turn = in_turn[in_turn["started_at"] > pd.Timestamp(back)]
    fills = in_turn[in_turn["kind"] == "fill"]
    assert len(fills) >= 3
    assert fills["window_start"].is_monotonic_increasing
    assert fills["hours_written"].max() <= 2
    before_fills = in_turn["kind"].shift()[fills.index]
    assert set(before_fills) <= {"live", "correction"}
    past = Window(START, START + 7 * HOUR)
    for rows, others in zip(both(lake, past), both(undisturbed, past), strict=True):
        pd.testing.assert_frame_equal(in_order(rows), in_order(others))
