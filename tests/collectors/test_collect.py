import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from collectors.collect import collect
from collectors.prometheus import Prometheus, PrometheusError
from queries.catalogue import METRICS
from queries.engine import Engine
from queries.question import Asker, Question
from queries.scope import EVERYTHING
from queries.window import HOUR
from tests.booked import both, frame
from tests.collectors import faulty
from tests.collectors.site import (
    HOURS,
    LATER,
    START,
    WINDOW,
    assert_whole,
    cluster,
    in_order,
    new_lake,
    site,
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("site")) as address:
        yield address


def datetime_of(time: datetime) -> datetime:
    """A clock that stands."""
    return time


def test_the_path_from_series_to_an_answer(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    done = list(collect(Prometheus(cluster(url)), lake, WINDOW.hours(), at_once=2, clock=lambda: LATER))
    assert [each.hour for each in done] == list(WINDOW.hours())
    assert_whole(lake)
    row = frame(lake, WINDOW, "hour").query("kind == 'gpu' and pod == 'train-0'").iloc[0]
    assert row[["project", "user", "workload", "workload_kind", "node_pool", "pod_uid"]].tolist() == [
        "llm",
        "ada",
        "train",
        "Job",
        "h100",
        "u1",
    ]
    assert row["gpu_model"] == "NVIDIA H100 80GB HBM3"
    assert row["energy_joules"] == pytest.approx(400 * 3600)
    asker = Asker(Engine(lake), EVERYTHING, [], LATER)

    def answer(metric: str, **conditions: object) -> list[object]:
        rows = asker.range(Question(WINDOW, 4 * HOUR, **conditions), [METRICS[metric]], "mean").rows  # type: ignore[arg-type]
        return [row[metric] for row in rows.to_pylist()]

    assert answer("gpu_utilization_ratio") == [pytest.approx(0.25)]
    assert answer("gpu_power_watts") == [pytest.approx(250)]
    assert answer("gpu_memory_used_bytes") == [pytest.approx(2**30)]
    assert answer("gpu_memory_utilization_ratio") == [pytest.approx(0.25)]
    assert answer("gpus_quota", by=("project",)) == [pytest.approx(4)]
    assert answer("workloads_pending") == [pytest.approx(4)]


def test_collected_twice_it_is_booked_once(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for moment in (LATER, LATER + HOUR):
        done = list(collect(Prometheus(cluster(url)), lake, WINDOW.hours(), clock=partial(datetime_of, moment)))
        assert all(each.is_written for each in done)
    assert_whole(lake)


@pytest.mark.parametrize("at_once", [1, 3, 12])
def test_however_many_hours_are_read_at_once_the_ledger_is_the_same(url: str, tmp_path: Path, at_once: int) -> None:
    together, alone = new_lake(tmp_path / "a"), new_lake(tmp_path / "b")
    list(collect(Prometheus(cluster(url)), together, WINDOW.hours(), at_once=at_once, clock=lambda: LATER))
    for hour in reversed(list(WINDOW.hours())):
        list(collect(Prometheus(cluster(url)), alone, [hour], clock=lambda: LATER))
    for one, other in zip(both(together, WINDOW), both(alone, WINDOW), strict=True):
        pd.testing.assert_frame_equal(in_order(one), in_order(other))


def test_an_open_hour_is_booked_up_to_its_last_whole_step(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    first = next(WINDOW.hours())
    for minutes in (10.5, 30, 59.9):
        clock = partial(datetime_of, START + timedelta(minutes=minutes))
        list(collect(Prometheus(cluster(url)), lake, [first], clock=clock))
        raw, hours = both(lake, WINDOW)
        assert raw["time"].max() == pd.Timestamp(START) + pd.Timedelta(minutes=int(minutes) - 1)
        assert hours["capacity_seconds"].sum() == pytest.approx(int(minutes) * 120)
        assert set(hours["elapsed_seconds"]) == {int(minutes) * 60}


def test_two_processes_at_once_book_once(url: str, tmp_path: Path) -> None:
    config = tmp_path / "metrics.toml"
    config.write_text(f'[store]\npath = "{tmp_path / "lake"}"\n[[clusters]]\nname = "site"\nprometheus = "{url}"\n')
    command = [sys.executable, "-m", "collectors", "backfill", "--from", str(START.timestamp()), "--to"]
    command += [str(WINDOW.end.timestamp()), "--config", str(config)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert_whole(new_lake(tmp_path))


def test_a_collector_that_is_killed_is_caught_up_by_the_next(url: str, tmp_path: Path) -> None:
    config = tmp_path / "metrics.toml"
    config.write_text(f'[store]\npath = "{tmp_path / "lake"}"\n[[clusters]]\nname = "site"\nprometheus = "{url}"\n')
    command = [sys.executable, "-m", "collectors", "backfill", "--from", str(START.timestamp()), "--to"]
    command += [str(WINDOW.end.timestamp()), "--config", str(config)]
    lake = new_lake(tmp_path)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not lake.snapshot().revisions("site", WINDOW) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert_whole(lake, hours=len(lake.snapshot().revisions("site", WINDOW)))
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert_whole(lake)


def test_an_hour_of_which_nothing_is_known_says_so(url: str, tmp_path: Path) -> None:
    """Ten days later, nothing is remembered: the hour is there, and empty."""
    lake = new_lake(tmp_path)
    hour = next(WINDOW.hours())
    later = type(hour)(hour.start + timedelta(days=10), hour.end + timedelta(days=10))
    list(collect(Prometheus(cluster(url)), lake, [later], clock=lambda: later.end + HOUR))
    assert frame(lake, later, "hour")["kind"].tolist() == ["empty"]
    assert list(lake.snapshot().revisions("site", later)) == [later.start]


def test_a_cluster_that_fails_halfway_leaves_no_half_hour(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    empty = (200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}')

    def respond(path: str) -> faulty.Answer:
        return (500, b"no") if "kube_resourcequota" in path else empty

    with faulty.server(respond) as address, pytest.raises(PrometheusError):
        list(collect(Prometheus(cluster(address)), lake, WINDOW.hours(), clock=lambda: LATER))
    assert lake.snapshot().revisions("site", WINDOW) == {}
    assert HOURS == 4
