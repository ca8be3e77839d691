import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from metrics_api.app import create_app
from metrics_api.warming import EVERY
from queries.engine import Engine
from queries.lake import Lake
from queries.lake_error import LakeError
from queries.rosters.register import Register
from tests.queries.test_question import ALL, HOURS, drawn
from tests.served import fill, settings_for

ASKED = "/api/v1/ledger?start=2025-03-03&end=2025-03-03T04:00:00Z"

PATIENCE = 30.0
PLENTY = 100_000_000


def wait_until_held(engine: Engine) -> None:
    """Until all of the newest version is in memory that is worth it."""
    until = time.monotonic() + PATIENCE
    while {segment.part.layer for segment in engine.snapshot().segments} != {"hour", "raw"}:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_newest_is_held_while_the_app_runs_and_follows_what_is_collected(tmp_path: Path) -> None:
    fill(tmp_path)
    app = create_app(settings_for(tmp_path, "off", hot_bytes=PLENTY))
    engine = app.state.services.engine
    with TestClient(app) as client:
        wait_until_held(engine)
        assert "metrics_api_hot_bytes 0.0" not in client.get("/metrics").text
        before = client.get(ASKED).json()["data"][0]["capacity_seconds"]
        later = drawn("gamma", 3, 0.5).book(HOURS)
        for hour in ALL.hours():
            Lake(str(tmp_path)).replace(hour, later.of(hour))
        assert client.get(ASKED).json()["data"][0]["capacity_seconds"] == before + 3 * HOURS * 3600
        wait_until_held(engine)
        assert client.get(ASKED).json()["data"][0]["capacity_seconds"] == before + 3 * HOURS * 3600
    assert not app.state.services.warming._thread.is_alive()


def test_a_damaged_file_does_not_end_it(tmp_path: Path) -> None:
    fill(tmp_path)
    lake = Lake(str(tmp_path))
    damaged = Path(lake.snapshot().paths("hour", ALL)[0])
    whole = damaged.read_bytes()
    damaged.write_bytes(b"no Parquet")
    app = create_app(settings_for(tmp_path, "off", hot_bytes=PLENTY))
    with TestClient(app) as client:
        time.sleep(1.5)
        assert client.get("/healthz").status_code == 200
        damaged.write_bytes(whole)
        later = drawn("gamma", 3, 0.5).book(HOURS)
        Lake(str(tmp_path)).replace(next(iter(ALL.hours())), later.of(next(iter(ALL.hours()))))
        wait_until_held(app.state.services.engine)


def test_the_ledger_is_held_also_where_the_lists_of_workloads_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Register) -> None:
        raise LakeError("the workloads are damaged")

    monkeypatch.setattr(Register, "refresh", refuse)
    fill(tmp_path)
    app = create_app(settings_for(tmp_path, "off", hot_bytes=PLENTY))
    with capture_logs() as logs, TestClient(app):
        wait_until_held(app.state.services.engine)
        time.sleep(2 * EVERY)
    told = [line for line in logs if line.get("problem") == "the workloads are damaged"]
    assert len(told) == 1
