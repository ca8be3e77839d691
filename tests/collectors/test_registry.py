"""The same GPU in two clusters. Each cluster is a real Prometheus; those that hang or fail halfway are pretended."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from collectors.cli import app
from collectors.collect import collect
from collectors.prometheus import Prometheus
from collectors.registry import ConflictError, Registry
from collectors.run import run
from queries.lake import Lake
from queries.settings import Cluster, Settings
from queries.window import HOUR, Window
from tests.collectors import faulty
from tests.collectors.site import LATER, SERIES, START, WINDOW, cluster, new_lake
from tests.series import openmetrics
from tests.servers import prometheus

NOW = datetime.now(UTC)
LIVE = Window.hour_of(NOW).start - 2 * HOUR
"""From here on there are samples for five hours, so that what is asked now is answered."""


def gpu(uuid: str, values: str) -> str:
    return f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="{uuid}",Hostname="m1",job="dcgm",instance="m1:9400"}}  {values}\n'


LEAF = SERIES + gpu("GPU-m", "50x90 _x150") + gpu("GPU-n", "50x240") + gpu("GPU-o", "50x120 _x30 50x90")
THANOS = SERIES + gpu("GPU-x", "50x240")
OTHER = gpu("GPU-m", "_x90 50x150") + gpu("GPU-y", "50x240") + gpu("GPU-o", "_x121 50x28 _x91")
"""GPU-m was moved here at half past one, GPU-o for half an hour."""


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    pages = {
        name: [openmetrics(series, START), openmetrics(gpu("GPU-live", "50x300"), LIVE)]
        for name, series in (("leaf", LEAF), ("thanos", THANOS))
    }
    pages["other"] = [openmetrics(OTHER, START)]
    with ExitStack() as servers:
        yield {
            name: servers.enter_context(prometheus(tmp_path_factory.mktemp(name), some)).url
            for name, some in pages.items()
        }


def collected(lake: Lake, registry: Registry, each: Cluster) -> int:
    """How many hours of a cluster are collected."""
    return len(list(collect(Prometheus(each), lake, WINDOW.hours(), clock=lambda: LATER, registry=registry)))


def registry_of(*clusters: Cluster, patience: timedelta = timedelta(minutes=1)) -> Registry:
    return Registry(clusters, lambda: LATER, patience)


def test_a_gpu_of_an_earlier_cluster_is_refused_before_anything_is_written(
    urls: dict[str, str], tmp_path: Path
) -> None:
    lake, leaf, thanos = new_lake(tmp_path), cluster(urls["leaf"]), cluster(urls["thanos"], "thanos")
    registry = registry_of(leaf, thanos)
    with pytest.raises(ConflictError) as refused:
        collected(lake, registry, thanos)
    assert lake.snapshot().collected_until() == {}
    assert collected(lake, registry, leaf) == 4
    said = str(refused.value)
    assert f"cluster 'thanos': {urls['thanos']} shows GPU-a, GPU-b, which are cluster 'site''s: {urls['leaf']}" in said
    assert "remove one of 'site' and 'thanos'" in said
    assert "or set clusters.match" in said


def test_the_cluster_that_is_configured_first_has_the_gpu(urls: dict[str, str], tmp_path: Path) -> None:
    leaf, thanos = cluster(urls["leaf"]), cluster(urls["thanos"], "thanos")
    registry = registry_of(thanos, leaf)
    assert collected(new_lake(tmp_path), registry, thanos) == 4
    with pytest.raises(ConflictError, match="cluster 'site'.* which are cluster 'thanos''s"):
        collected(new_lake(tmp_path), registry, leaf)


def test_a_gpu_that_was_moved_is_booked_in_both_clusters(urls: dict[str, str], tmp_path: Path) -> None:
    lake, leaf, other = new_lake(tmp_path), cluster(urls["leaf"]), cluster(urls["other"], "other")
    registry = registry_of(leaf, other)
    assert collected(lake, registry, leaf) == 4
    assert collected(lake, registry, other) == 4


def test_clusters_that_match_series_of_their_own_share_an_address(tmp_path: Path) -> None:
    both = gpu("GPU-p", "50x240").replace("{", '{cluster="p",') + gpu("GPU-q", "50x240").replace("{", '{cluster="q",')
    with prometheus(tmp_path / "server", [openmetrics(both, START)]) as server:
        first, second = (cluster(server.url, name, match={"cluster": name}) for name in ("p", "q"))
        assert collected(new_lake(tmp_path), registry_of(first, second), second) == 4
        greedy = cluster(server.url, "greedy")
        with pytest.raises(ConflictError, match="shows GPU-p"):
            collected(new_lake(tmp_path), registry_of(first, greedy), greedy)


def test_a_cluster_that_cannot_be_reached_claims_nothing(urls: dict[str, str], tmp_path: Path) -> None:
    down, leaf = cluster("http://127.0.0.1:1", "down"), cluster(urls["leaf"])
    with structlog.testing.capture_logs() as logs:
        assert collected(new_lake(tmp_path), registry_of(down, leaf), leaf) == 4
        deadline = time.monotonic() + 30
        while not any(line["event"] == "its GPUs could not be counted" for line in logs):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    told = [line for line in logs if line["event"] == "its GPUs could not be counted"]
    assert {line["cluster"] for line in told} == {"down"}


def test_a_cluster_that_comes_back_claims_its_gpus(urls: dict[str, str]) -> None:
    is_back, times = threading.Event(), iter([LATER, LATER, LATER + timedelta(minutes=2)])
    seen = (200, b'{"status":"success","data":["GPU-a"]}')
    with faulty.server(lambda _: seen if is_back.is_set() else (500, b"")) as url:
        first, leaf = cluster(url, "first"), cluster(urls["leaf"])
        registry = Registry([first, leaf], lambda: next(times, LATER + timedelta(minutes=2)))
        registry.check("site", ["GPU-a"], WINDOW)
        is_back.set()
        registry.check("site", ["GPU-a"], WINDOW)  # too soon after it failed
        with pytest.raises(ConflictError):
            registry.check("site", ["GPU-a"], WINDOW)


def test_a_cluster_that_hangs_does_not_hinder_the_next(urls: dict[str, str], tmp_path: Path) -> None:
    release = threading.Event()

    def hang(_: str) -> faulty.Answer:
        release.wait()
        return 500, b""

    with faulty.server(hang) as url:
        slow, leaf = cluster(url, "slow", timeout="60s"), cluster(urls["leaf"])
        assert collected(new_lake(tmp_path), registry_of(slow, leaf, patience=timedelta(milliseconds=1)), leaf) == 4
        release.set()


def test_a_cluster_that_had_a_gpu_and_cannot_be_asked_now_keeps_it(urls: dict[str, str], tmp_path: Path) -> None:
    seen = (200, b'{"status":"success","data":["GPU-a"]}')
    with faulty.server(lambda path: seen if "/label/" in path else (500, b"")) as url:
        first, leaf = cluster(url, "first"), cluster(urls["leaf"])
        with pytest.raises(
            ConflictError, match="'first' had GPU-a too, and whether it still has cannot be asked: .*500"
        ):
            collected(new_lake(tmp_path), registry_of(first, leaf), leaf)


def command(folder: Path, urls: dict[str, str], *arguments: str) -> Result:
    config = folder / "metrics.toml"
    config.write_text(
        f'[store]\npath = "{folder / "lake"}"\n'
        f'[[clusters]]\nname = "site"\nprometheus = "{urls["leaf"]}"\n'
        f'[[clusters]]\nname = "thanos"\nprometheus = "{urls["thanos"]}"\n'
    )
    return CliRunner().invoke(app, [*arguments, "--config", str(config)])


def test_a_backfill_refuses_it_and_collects_the_rest(urls: dict[str, str], tmp_path: Path) -> None:
    done = command(tmp_path, urls, "backfill", "--from", "2025-03-03", "--to", "2025-03-03T04:00:00Z")
    assert done.exit_code == 2
    assert "shows GPU-a, GPU-b, which are cluster 'site''s" in done.output
    assert set(Lake(str(tmp_path / "lake")).snapshot().collected_until()) == {"site"}


def test_once_refuses_it_also_where_the_other_cluster_is_not_collected(urls: dict[str, str], tmp_path: Path) -> None:
    done = command(tmp_path, urls, "once", "--cluster", "thanos")
    assert done.exit_code == 2
    assert "shows GPU-live, which are cluster 'site''s" in done.output
    assert Lake(str(tmp_path / "lake")).snapshot().collected_until() == {}


def test_run_refuses_it_and_goes_on(urls: dict[str, str], tmp_path: Path) -> None:
    clusters = [{"name": name, "prometheus": urls[name], "backfill": "4h"} for name in ("leaf", "thanos")]
    settings = Settings.model_validate({"store": {"path": str(tmp_path)}, "clusters": clusters})
    stop = threading.Event()
    with structlog.testing.capture_logs() as logs:
        running = threading.Thread(target=run, args=(settings, stop))
        running.start()
        while not {("leaf", "info"), ("thanos", "error")} <= {
            (line.get("cluster"), line["log_level"]) for line in logs
        }:
            assert running.is_alive()
            time.sleep(0.02)
        stop.set()
        running.join()
    refused = next(line for line in logs if line["log_level"] == "error")
    assert "shows GPU-live, which are cluster 'leaf''s" in str(refused["problem"])
    assert set(Lake(str(tmp_path)).snapshot().collected_until()) == {"leaf"}


def test_who_registered_a_cluster_is_not_told_whose_the_gpus_are(urls: dict[str, str], tmp_path: Path) -> None:
    """It may be another tenant's. The log says it."""
    thanos, leaf = cluster(urls["thanos"], "thanos"), cluster(urls["leaf"], "leaf")
    registry = registry_of(thanos, leaf)
    registry.follow([thanos, leaf], configured=[thanos])
    with structlog.testing.capture_logs() as logs, pytest.raises(ConflictError) as caught:
        collected(new_lake(tmp_path), registry, leaf)
    assert "GPUs that a cluster registered before it shows" in str(caught.value)
    assert "thanos" not in str(caught.value)
    assert urls["thanos"] in str(logs)


def test_a_cluster_that_is_gone_is_not_booked(urls: dict[str, str], tmp_path: Path) -> None:
    leaf = cluster(urls["leaf"], "leaf")
    registry = registry_of(leaf)
    registry.follow([])
    with pytest.raises(ConflictError, match="is collected no more"):
        collected(new_lake(tmp_path), registry, leaf)
