import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from structlog.testing import capture_logs

from collectors.collector import Collector
from collectors.prometheus import Prometheus, PrometheusError
from collectors.reading import read_inputs
from collectors.run import watch
from queries.lake import Lake
from queries.ledger.book import book
from queries.settings import Collect, Settings
from queries.window import HOUR, Window
from tests.booked import both, stored
from tests.collectors import faulty
from tests.collectors.site import HOURS, LATER, START, WINDOW, cluster, new_lake, site

FIRST = Window.hour_of(START)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("site")) as address:
        yield address


def collector(url: str, lake: Lake) -> Collector:
    return Collector(cluster(url, backfill="2d"), lake, Collect(), clock=lambda: LATER)


def runs(lake: Lake) -> pd.DataFrame:
    return stored(lake.collections).sort_values(["started_at", "kind"], ignore_index=True)


def test_a_run_that_fills_tells_what_it_read_and_wrote(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    done = list(collector(url, lake).fill(list(WINDOW.hours())))
    (run,) = runs(lake).to_dict("records")
    assert (run["cluster"], run["kind"], run["success"]) == ("site", "fill", True)
    assert pd.isna(run["error"])
    assert (run["window_start"], run["window_end"]) == (WINDOW.start, WINDOW.end)
    assert run["hours_written"] == HOURS == len(done)
    assert run["rows_written"] == sum(len(rows) for rows in both(lake, WINDOW)) == sum(each.rows for each in done)
    assert run["duration_seconds"] > 0
    prometheus = Prometheus(cluster(url))
    read_inputs(prometheus, WINDOW, LATER)
    assert run["samples_read"] == prometheus.samples_read > 0
    assert run["bytes_read"] > run["samples_read"]


def test_each_tick_is_a_row_and_a_run_without_work_is_none(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    ticking = collector(url, lake)
    ticking.tick()
    ticking.tick()
    assert runs(lake)["kind"].tolist() == ["live", "live"]
    assert sorted(runs(lake)["window_start"]) == [WINDOW.end - HOUR, WINDOW.end]  # the first is final by now
    list(ticking.catch_up())
    list(ticking.catch_up())
    assert runs(lake)["kind"].tolist() == ["fill", "live", "live"]


def test_a_cluster_that_fails_becomes_a_row_that_says_so(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with pytest.raises(PrometheusError):
        collector(NOWHERE, lake).tick()
    with pytest.raises(PrometheusError):
        list(collector(NOWHERE, lake).catch_up())
    assert runs(lake)["kind"].tolist() == ["fill", "live"]
    assert runs(lake)["success"].tolist() == [False, False]
    assert runs(lake)["hours_written"].tolist() == [0, 0]
    for error in runs(lake)["error"]:
        assert error.startswith(f"cluster 'site': {NOWHERE} cannot be reached")


def test_what_prometheus_says_of_its_answers_is_kept(tmp_path: Path) -> None:
    """As Thanos does where one of its stores is down: it answers with what it has, and a warning."""

    def respond(path: str) -> faulty.Answer:
        kind = "vector" if "last_over_time" in path or "max_over_time" in path else "matrix"
        if "/label/" in path:
            names = '["DCGM_FI_DEV_GPU_UTIL"]' if "/label/__name__/" in path else "[]"
            return 200, f'{{"status":"success","data":{names}}}'.encode()
        answer = f'{{"status":"success","data":{{"resultType":"{kind}","result":[]}},"warnings":["store s3 is down"]}}'
        return 200, answer.encode()

    lake = new_lake(tmp_path)
    with faulty.server(respond) as address:
        collector(address, lake).tick()
    (run,) = runs(lake).to_dict("records")
    assert run["success"]
    assert list(run["warnings"]) == ["store s3 is down"]


def test_a_run_that_cannot_be_recorded_still_raises_its_own_error(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    shutil.rmtree(lake.collections.folder)
    Path(lake.collections.folder).write_text("")
    with capture_logs() as logs, pytest.raises(PrometheusError, match="cannot be reached"):
        collector(NOWHERE, lake).tick()
    (told,) = logs
    assert told["event"] == "a run could not be recorded"
    assert "store.path: cannot write to" in told["problem"]


def test_a_defect_that_one_cluster_shows_is_recorded_and_does_not_end_its_collection(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, stop = new_lake(tmp_path), threading.Event()
    failures = iter([ZeroDivisionError("no node has GPUs")])

    def fail_once(*arguments: object) -> object:
        for error in failures:
            raise error
        return book(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("collectors.collect.book", fail_once)
    settings = Settings(store={"path": str(tmp_path / "lake")}, collect={"tick": "1s"})
    watching = threading.Thread(
        target=watch, args=(cluster(url, backfill="2d"), lake, settings, stop, lambda: LATER), daemon=True
    )
    with capture_logs() as logs:
        watching.start()
        while len(lake.snapshot().revisions("site", WINDOW)) < HOURS:
            assert watching.is_alive()
            time.sleep(0.02)
        stop.set()
        watching.join(30)
    assert runs(lake).query("not success")["error"].tolist() == ["no node has GPUs"]
    assert any(each["event"] == "not collected: a defect of ours" for each in logs)


def test_a_fill_that_is_over_tells_all_that_it_committed(url: str, tmp_path: Path) -> None:
    """Also where it is late from the start: something is done at each pass, or the past would never be."""
    lake = new_lake(tmp_path)
    late = collector(url, lake)
    late.samples_in = lambda hour: 10**9  # type: ignore[method-assign] # noqa: ARG005 # as on a large cluster: an hour at once
    done = list(late.catch_up(lambda: True))
    assert [each.hour for each in done] == [FIRST]
    assert set(lake.snapshot().revisions("site", WINDOW)) == {START}
    (run,) = runs(lake).to_dict("records")
    assert (run["hours_written"], run["window_end"]) == (1, WINDOW.end - HOUR)
    assert runs(lake)["started_at"].tolist() == [LATER]
