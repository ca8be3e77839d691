"""A cluster is registered by the API of a service that runs, and its collector, which runs too, follows."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from collectors.run import run
from metrics_api.app import create_app
from queries.ids import cluster_id
from queries.settings import Settings
from queries.window import HOUR, Window
from tests.collectors.proxy import proxy
from tests.series import openmetrics
from tests.servers import prometheus
from tests.serving import serving

GAMMA = f"/api/v1/clusters/{cluster_id('gamma')}"

LIVE = Window.hour_of(datetime.now(UTC)).start - HOUR
"""From here on there are samples for five hours, so that what is asked now is answered."""

SERIES = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-g",Hostname="g1",job="dcgm",instance="g1:9400"}  50x300\n'

SECRET = "open-sesame"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus that answers nobody without a bearer token."""
    with (
        prometheus(tmp_path, [openmetrics(SERIES, LIVE)]) as server,
        proxy(server.url, "", f"Bearer {SECRET}", "Authorization") as url,
    ):
        yield url


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx2.Client]:
    """Of a service that knows no cluster, and whose collector runs."""
    told = {"store": {"path": str(tmp_path / "lake")}, "auth": {"mode": "off"}, "collect": {"tick": "1s"}}
    settings = Settings.model_validate(told | {"limits": {"hot_bytes": 0}})
    app, stop = create_app(settings), threading.Event()
    collector = threading.Thread(target=run, args=(settings, stop))
    collector.start()
    with serving(app) as address, httpx2.Client(base_url=address) as client:
        yield client
    stop.set()
    collector.join()
    app.state.services.stop()


def until(holds: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def failure(client: httpx2.Client) -> str:
    return str(client.get(GAMMA).json()["collection"].get("last_failure", {}).get("error", ""))


def capacity(client: httpx2.Client) -> float:
    asked = {"by": "cluster", "start": LIVE.isoformat(), "end": (LIVE + 2 * HOUR).isoformat()}
    rows = client.get("/api/v1/ledger", params=asked).json()["data"]
    return float(sum(row["capacity_seconds"] for row in rows if row["cluster"] == "gamma"))


def is_watched() -> bool:
    return any(thread.name == "gamma" for thread in threading.enumerate())


def test_a_cluster_is_collected_from_its_registration_to_its_deletion(
    client: httpx2.Client, guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"url": guarded, "bearer_token": "env:CLUSTER_SECRET_GAMMA", "backfill": "1h"}
    assert client.get("/api/v1/clusters").json() == []
    made = client.post("/api/v1/clusters", json={"name": "gamma", "prometheus": source})
    assert made.status_code == 201, made.text
    assert "CLUSTER_SECRET_GAMMA' is not set" in until(lambda: failure(client))
    assert client.get(GAMMA).json()["status"] == {"state": "WaitingToConnect"}

    monkeypatch.setenv("CLUSTER_SECRET_GAMMA", "wrong")
    assert "set clusters.bearer_token" in until(lambda: "refused us" in failure(client) and failure(client))
    monkeypatch.setenv("CLUSTER_SECRET_GAMMA", SECRET)
    until(lambda: capacity(client) > 0)
    (gamma,) = client.get("/api/v1/clusters").json()
    assert (gamma["status"], gamma["collection"]["status"]) == ({"state": "Connected"}, "ok")
    assert gamma["prometheus"] == source
    assert SECRET not in client.get("/api/v1/clusters").text + client.get("/api/v1/audit/log").text

    assert client.delete(GAMMA).status_code == 202
    until(lambda: not is_watched())
    booked = capacity(client)
    assert booked > 0
    assert client.get("/api/v1/clusters").json() == []
    (gone,) = client.get("/api/v1/clusters", params={"includeRequestedForDelete": True}).json()
    assert gone["collection"]["status"] == "deleted"
    assert capacity(client) == booked

    again = client.post("/api/v1/clusters", json={"name": "gamma", "prometheus": source})
    assert (again.status_code, again.json()["createdAt"]) == (201, gamma["createdAt"])
    until(is_watched)
    until(lambda: client.get(GAMMA).json()["collection"]["status"] == "ok")
