from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from queries.condition import Condition
from queries.datasets import WORKLOADS
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Asker, Question
from queries.queue_waits import queue_waits
from queries.scope import EVERYTHING, Scope
from queries.window import HOUR, Window
from tests.sketch import START

MINUTE = timedelta(minutes=1)
ALL = Window(START, START + 4 * HOUR)


def change(name: str, project: str, state: str, time: datetime, waited: float | None = None) -> dict[str, Any]:
    hour = Window.hour_of(time).start
    return {
        "cluster": "alpha",
        "period": f"{hour:%Y-%m}",
        "window_start": hour,
        "revision": 1,
        "time": time,
        "namespace": "team",
        "workload": name,
        "workload_kind": "Job",
        "project": project,
        "state": state,
        "queue_seconds": waited,
    }


def waited(name: str, project: str, seconds: float, until: datetime) -> list[dict[str, Any]]:
    """A workload that began to run after a wait, and ended an hour later."""
    since = until - timedelta(seconds=seconds)
    return [
        change(name, project, "submitted", since),
        change(name, project, "pending", since),
        change(name, project, "running", until, seconds),
        change(name, project, "ended", until + HOUR, seconds),
    ]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Of project a, hundred workloads waited 1 to 100 seconds, and another begins to run when the window ends; of b, one
    waited for a day, and one still waits; of c's first it was not told for how long, its second waits since long ago."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    rows = [row for each in range(1, 101) for row in waited(f"a-{each}", "a", each, START + MINUTE * each)]
    rows += waited("b-1", "b", 86_400, START + HOUR)
    rows += [change("b-2", "b", "submitted", ALL.end - HOUR), change("b-2", "b", "pending", ALL.end - HOUR)]
    rows += [change("c-1", "c", "running", START), change("c-2", "c", "pending", START - 48 * HOUR)]
    rows += waited("later", "a", 5000, ALL.end)
    lake.workloads.append(pa.Table.from_pylist(rows, schema=WORKLOADS.schema))
    engine = Engine(lake)
    yield engine
    engine.close()


def asked(engine: Engine, by: tuple[str, ...] = ("project",), scope: Scope = EVERYTHING, *where: str) -> list[Any]:
    asker = Asker(engine, scope, ["alpha"], ALL.end + HOUR)
    conditions = tuple(Condition.parse(text) for text in where)
    return list(queue_waits(asker, Question(ALL, None, by, conditions)).rows.to_pylist())


def test_waits_are_told_by_project(engine: Engine) -> None:
    a, b, c = asked(engine)
    assert (a["project"], a["waits"], a["queue_seconds_mean"]) == ("a", 100, pytest.approx(50.5))
    assert (a["queue_seconds_p50"], a["queue_seconds_p90"], a["queue_seconds_max"]) == (50.5, pytest.approx(90.1), 100)
    assert a["queue_seconds_p99"] == pytest.approx(99.01)
    assert (a["waits_up_to_10s"], a["waits_up_to_1m"], a["waits_up_to_5m"], a["waits_up_to_1d"]) == (10, 60, 100, 100)
    assert (a["still_waiting"], a["waits_not_known"]) == (1, 0)
    assert (b["waits"], b["queue_seconds_p50"], b["waits_up_to_4h"], b["waits_up_to_1d"]) == (1, 86_400, 0, 1)
    assert (c["waits"], c["queue_seconds_mean"], c["waits_not_known"]) == (0, None, 1)


def test_who_waits_at_the_end_is_told_with_the_time_until_then(engine: Engine) -> None:
    """Those that wait longest never show in a mean of waits that are over."""
    found = {row["project"]: (row["still_waiting"], row["still_waiting_seconds_max"]) for row in asked(engine)}
    assert found == {"a": (1, 5000), "b": (1, 3600), "c": (1, 52 * 3600)}


def test_one_total_is_one_row(engine: Engine) -> None:
    (row,) = asked(engine, ())
    assert (row["waits"], row["still_waiting"]) == (101, 3)


def test_conditions_and_scopes_hold(engine: Engine) -> None:
    assert [row["project"] for row in asked(engine, ("project",), EVERYTHING, "workload==b-1")] == ["b"]
    assert [row["project"] for row in asked(engine, ("project",), Scope(frozenset({("alpha", "b")})))] == ["b"]
    assert asked(engine, ("project",), Scope(frozenset({("beta", None)}))) == []
