import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from metrics_api.demo.demo import Folder, make_history
from metrics_api.demo.fleet import CLUSTERS, DAY, HOUR, Cluster
from metrics_api.demo.history import STEP, Day, HistoryError, days_between, write_days, write_history
from metrics_api.demo.servers import (
    SCRAPE_INTERVAL,
    Exporters,
    free_port,
    prometheus_config,
    start_prometheus,
    stop,
    wait_until_ready,
)
from metrics_api.demo.targets import exporters
from tests.metrics_api.demo.pages import MONDAY, ask, history, read_history
from tests.servers import prometheus

ALPHA, BETA = CLUSTERS

PATIENCE = 60.0


def crash_of(cluster: Cluster) -> int:
    """A time at which an exporter is down."""
    return MONDAY + cluster.exporter_crash[1].start + 600


@contextmanager
def scraping(cluster: Cluster, folder: Path) -> Iterator[str]:
    """A Prometheus of the demo: it has the history of one moment, at which the fleet's clock then stands still."""
    moment = crash_of(cluster)
    write_history(cluster, moment, moment + STEP, folder / "storage")
    fleet = Exporters([cluster], clock=lambda: moment)
    config, log, port = folder / "prometheus.yml", folder / "prometheus.log", free_port()
    config.write_text(prometheus_config(cluster, fleet.address).replace(SCRAPE_INTERVAL, "1s"))
    process = start_prometheus(config, folder / "storage", port, log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready("Prometheus", f"{url}/-/ready", process, log)
        yield url
    finally:
        stop([process])
        fleet.stop()


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One that has scraped all its targets, for each cluster."""
    with ExitStack() as stack:
        found = {
            cluster.name: stack.enter_context(scraping(cluster, tmp_path_factory.mktemp(cluster.name)))
            for cluster in CLUSTERS
        }
        deadline = time.monotonic() + PATIENCE
        while any(len(ask(found[cluster.name], "up")) < len(exporters(cluster)) for cluster in CLUSTERS):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield found


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
def test_a_prometheus_has_of_history_what_it_has_scraped(cluster: Cluster, urls: dict[str, str]) -> None:
    url, moment = urls[cluster.name], crash_of(cluster)
    everything = '{instance!="",__name__!~"scrape_.*"}'
    scraped, stored = ask(url, everything), ask(url, everything, moment)
    assert stored == scraped
    assert stored == read_history(history(cluster, [moment]))[moment]
    assert [value for series, value in stored.items() if ("__name__", "up") in series].count(0) == 1


def test_what_is_written_is_half_open_and_has_the_gap(tmp_path: Path) -> None:
    assert BETA.gap
    start = MONDAY + BETA.gap.start - 10 * 60
    write_history(BETA, start, start + 10 * 60, tmp_path / "prometheus")
    write_history(BETA, start + 10 * 60, MONDAY + BETA.gap.end, tmp_path / "prometheus")
    write_history(BETA, MONDAY + BETA.gap.end - 30, MONDAY + BETA.gap.end + 150, tmp_path / "prometheus")
    with prometheus(tmp_path) as server:
        counts = ask(server.url, "count_over_time(up[1h])", MONDAY + BETA.gap.start)
        assert set(counts.values()) == {10}
        assert not ask(server.url, "count_over_time(up[170m])", MONDAY + BETA.gap.end - 1)
        counts = ask(server.url, "count_over_time(up[1h])", MONDAY + BETA.gap.end + 300)
        assert set(counts.values()) == {3}


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (0, 2 * DAY, [(0, DAY), (DAY, 2 * DAY)]),
        (DAY - 1, DAY + 1, [(DAY - 1, DAY), (DAY, DAY + 1)]),
        (HOUR, 2 * HOUR, [(HOUR, 2 * HOUR)]),
        (DAY, DAY, []),
    ],
)
def test_history_is_written_by_days(since: int, until: int, days: list[tuple[int, int]]) -> None:
    assert list(days_between(since, until)) == days


def test_what_promtool_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "promtool"
    program.write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(HistoryError, match="promtool refused the history of beta: no space left"):
        write_history(BETA, MONDAY, MONDAY + STEP, tmp_path / "storage")
    assert list(tmp_path.glob("tmp*")) == []


def blocks(storage: Path) -> list[tuple[int, int]]:
    """The times (Unix seconds) between which the blocks of a Prometheus lie."""
    metas = [json.loads(path.read_text()) for path in storage.glob("*/meta.json")]
    return sorted((meta["minTime"] // 1000, meta["maxTime"] // 1000) for meta in metas)


def test_a_later_start_continues_where_the_history_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, told_to_stop = Folder(tmp_path), threading.Event()
    storage, length = folder.storage(ALPHA), timedelta(minutes=30)
    began = int(time.time())
    assert make_history(folder, length, told_to_stop)
    assert "writing history" in capsys.readouterr().out
    written = blocks(storage)
    assert began - 1800 <= written[0][0] <= began - 1800 + STEP
    assert began - STEP <= written[-1][1] <= int(folder.history_end.read_text())

    folder.history_end.write_text(str(int(time.time())))
    assert make_history(folder, length, told_to_stop)
    assert "writing history" not in capsys.readouterr().out
    assert blocks(storage) == written

    end = began - 600
    folder.history_end.write_text(str(end))
    assert make_history(folder, length, told_to_stop)
    added = [block for block in blocks(storage) if block not in written]
    assert end <= added[0][0] < end + STEP
    assert int(folder.history_end.read_text()) >= began


def test_told_to_stop_no_further_day_is_begun(tmp_path: Path) -> None:
    told_to_stop = threading.Event()
    told_to_stop.set()
    days = [Day("beta", MONDAY + n * STEP, MONDAY + (n + 1) * STEP, tmp_path / str(n)) for n in range(200)]
    written = list(write_days(days, told_to_stop))
    assert set(written) < set(days)
    assert {path.name for path in tmp_path.iterdir()} == {day.storage.name for day in written}
    assert not make_history(Folder(tmp_path), timedelta(minutes=3), told_to_stop)
    assert not Folder(tmp_path).history_end.exists()
