"""A service with the live lake, and with workloads of every state beside it, of which some have hostile names."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

import tests.live
from metrics_api.app import create_app
from queries.datasets import WORKLOADS
from queries.lake import Lake
from queries.settings import Limits
from tests.live import START

HOSTILE = (
    """it's "quoted" \\ `x`""",
    "100%_of it",
    "a,b c",
    "name==x,phase==y",
    '=HYPERLINK("http://x")',
    "two\nlines\tand a tab",
    "nul\x00byte",
    "Übung-日本-😀",
    "'; drop table rows; --",
    "$where_0 {{ rows }} {% raw %}",
    "../../etc/passwd",
)

KINDS = ("Job", "PyTorchJob", "MPIJob", "Notebook", "Deployment", "slurm_job")

ENDS = ("Completed", "Deleted", "OOMKilled", None)


def changes_of(number: int, name: str) -> Iterator[dict[str, Any]]:
    """What is told of a workload: every third waits, the others ran and ended, each fourth without having run."""
    submitted = START - timedelta(hours=50, minutes=-7 * number)
    kind = KINDS[number % len(KINDS)]
    told: list[tuple[str, int]] = [] if kind == "slurm_job" else [("submitted", 0), ("pending", 0)]
    if number % 3:
        told += [] if number % 4 == 0 else [("running", 100 + number)]
        told += [("ended", 1000 + 37 * number)]
    has_run = any(state == "running" for state, _ in told)
    for state, seconds in told:
        yield {
            "cluster": "alpha" if number % 2 else "beta",
            "window_start": START - timedelta(hours=1),
            "time": submitted + timedelta(seconds=seconds),
            "namespace": None if kind == "slurm_job" else f"ns-{number % 4}",
            "workload": name,
            "workload_kind": kind,
            "project": None if number % 5 == 0 else ("a", "B", "c%")[number % 3],
            "user": None if number % 4 == 0 else f"User{number % 7}",
            "state": state,
            "reason": ENDS[number % len(ENDS)] if state == "ended" else None,
            "requested_gpus": number / 2,
            "allocated_gpus": number / 2 if has_run else None,
            "queue_seconds": 100.0 + number if state == "running" and kind != "slurm_job" else None,
        }


def table_of(rows: list[dict[str, Any]], collected: datetime = START) -> pa.Table:
    told = {"period": collected.strftime("%Y-%m-%d"), "revision": int(collected.timestamp())}
    return pa.Table.from_pylist([told | row for row in rows], WORKLOADS.schema)


def various() -> pa.Table:
    names = [*HOSTILE, *(f"Workload-{number % 9}-{number}" for number in range(40))]
    return table_of([row for number, name in enumerate(names) for row in changes_of(number, name)])


@pytest.fixture(scope="package")
def various_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("various")
    tests.live.fill(folder)
    Lake(str(folder)).workloads.append(various())
    settings = tests.live.settings_for(folder)
    app = create_app(settings.model_copy(update={"limits": Limits(hot_bytes=0, listed_bytes=10**8)}))
    app.state.services.register.refresh()
    assert app.state.services.register.workloads.bytes
    yield TestClient(app)
    app.state.services.stop()
