"""Sources: Prometheus and its kin store and tell the same samples differently. The ledger must not care."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from collectors.collect import collect
from collectors.prometheus import Prometheus, PrometheusError
from queries.window import HOUR, Window, milliseconds
from tests.booked import SECONDS, frame, minute
from tests.collectors.proxy import proxy
from tests.collectors.site import DCGM, HOURS, LATER, POD, SERIES, START, WINDOW, assert_whole, cluster, new_lake
from tests.remote_write import END, Sample, send
from tests.series import openmetrics
from tests.servers import Server, flush, prometheus, victoria

HOUR_ONE = Window(START, START + HOUR)

KINDS = ["prometheus", "victoria"]

Series = tuple[dict[str, str], list[Sample]]


def serve(kind: str, folder: Path, pages: list[str]) -> AbstractContextManager[Server]:
    if kind == "prometheus":
        return prometheus(folder, pages, ["--web.enable-remote-write-receiver"])
    return victoria(folder, pages)


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(request.param, tmp_path_factory.mktemp("site"), [openmetrics(SERIES, START)]) as running:
        yield running


def scraped(kind: str, folder: Path, series: Iterable[Series]) -> pd.DataFrame:
    """The raw rows of an hour, from a server to which its samples were written as a Prometheus that scrapes would: with
    a mark where a series ends."""
    lake = new_lake(folder)
    with serve(kind, folder, []) as running:
        send(running.url, series)
        if kind == "victoria":
            flush(running.url)
        list(collect(Prometheus(cluster(running.url)), lake, [HOUR_ONE], clock=lambda: LATER))
    return frame(lake, HOUR_ONE, "raw")


def seconds_of(rows: pd.DataFrame) -> dict[str, float]:
    return {column: seconds for column in SECONDS if (seconds := rows[column].sum())}


def gpu(pod: str, first: int, values: list[float]) -> Series:
    """What the exporter says of the only GPU of a node from some minute on, and whom it names."""
    holder = {"namespace": "runai-llm", "pod": pod} if pod else {}
    named = labels(f'UUID="GPU-a",gpu="0",{DCGM}') | holder | {"__name__": "DCGM_FI_PROF_GR_ENGINE_ACTIVE"}
    return named, samples(first, values)


def scheduler(minutes: int) -> Iterator[Series]:
    """What the scheduler says of the node, and of the pod that runs on it for some minutes."""
    pod, node = labels(POD), {"node": "n1", "job": "ksm"}
    gpus = {"resource": "nvidia_com_gpu", "unit": "integer"}
    yield node | gpus | {"__name__": "kube_node_status_capacity"}, samples(0, [1.0] * 60)
    for name, more in {
        "kube_pod_info": node,
        "kube_pod_container_resource_requests": node | gpus | {"container": "main"},
        "kube_pod_status_phase": {"phase": "Running"},
    }.items():
        yield pod | more | {"__name__": name}, samples(0, [1.0] * minutes + [END])


def labels(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in (pair.split("=") for pair in text.split(","))}


def samples(first: int, values: list[float]) -> list[Sample]:
    return [(milliseconds(START) + 60_000 * place, value) for place, value in enumerate(values, first)]


def test_a_site_is_booked_alike(server: Server, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    list(collect(Prometheus(cluster(server.url)), lake, WINDOW.hours(), at_once=2, clock=lambda: LATER))
    assert_whole(lake)


@pytest.mark.parametrize("kind", KINDS)
def test_a_holder_ends_where_it_was_last_seen(kind: str, tmp_path: Path) -> None:
    """And not a minute later, at the mark. No scheduler contradicts."""
    rows = scraped(kind, tmp_path, [gpu("train-0", 0, [0.5] * 30 + [END]), gpu("", 30, [0.0] * 30)])
    assert rows.loc[rows.pod == "train-0", "time"].max() == minute(HOUR_ONE, 29)
    assert seconds_of(rows[rows.pod == "train-0"]) == {"busy_seconds": 900, "idle_seconds": 900}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pod_ends_where_it_was_last_seen(kind: str, tmp_path: Path) -> None:
    told = [gpu("train-0", 0, [0.5] * 30 + [END]), gpu("", 30, [0.0] * 30), *scheduler(30)]
    rows = scraped(kind, tmp_path, told)
    assert seconds_of(rows) == {"busy_seconds": 900, "idle_seconds": 900, "free_seconds": 1800}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_a_minute_without_a_number_is_held(kind: str, value: float, tmp_path: Path) -> None:
    """VictoriaMetrics does not keep a NaN that is no mark: there, the sample is missing."""
    rows = scraped(kind, tmp_path, [gpu("train-0", 0, [0.5] * 10 + [value] + [0.5] * 49), *scheduler(60)])
    assert seconds_of(rows) == {"busy_seconds": 59 * 30, "idle_seconds": 59 * 30, "held_seconds": 60}
    assert rows.loc[rows.held_seconds > 0, "time"].tolist() == [minute(HOUR_ONE, 10)]


def test_a_source_is_read_behind_a_path_as_a_tenant(server: Server, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with proxy(server.url, "/prefix/prometheus", "team") as address:
        site = cluster(f"{address}/prefix/prometheus/", tenant="team")
        done = list(collect(Prometheus(site), lake, WINDOW.hours(), at_once=HOURS, clock=lambda: LATER))
    assert len(done) == HOURS
    assert_whole(lake)


@pytest.mark.parametrize(
    ("path", "tenant", "advice"),
    [
        ("/prefix", "others", "set clusters.bearer_token or clusters.basic_auth"),
        ("", "team", "clusters.prometheus is the address below which"),
    ],
    ids=["another tenant", "no path"],
)
def test_a_source_that_refuses_the_tenant_or_the_path_is_named(
    server: Server, path: str, tenant: str, advice: str
) -> None:
    with proxy(server.url, "/prefix", "team") as address, pytest.raises(PrometheusError, match=advice):
        Prometheus(cluster(address + path, tenant=tenant)).check()
