import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import pyarrow.compute as pc
import pytest

from queries.catalogue import LEDGER_COLUMNS
from queries.collection import Collection
from queries.engine import Engine
from queries.explain import ATTRIBUTIONS, REASONS, RULES, SOURCES, Moment, explain
from queries.lake import Lake
from queries.question import Asker
from queries.scope import EVERYTHING, Scope
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.sketch import START, Sketch

MINUTE = timedelta(minutes=1)
ALL = Window(START, START + 2 * HOUR)
READ_AT = START + timedelta(days=2)


def drawn() -> Sketch:
    """A pod that works, at 0.25 and then at 0.75; one of whose GPU no utilization is known; a GPU that is free."""
    sketch = Sketch(Cluster(name="alpha", prometheus="http://127.0.0.1:1"), minutes=120)
    sketch.node("one", 3)
    sketch.pod("works", "one", 1, project="a", user="ada")
    sketch.pod("blind", "one", 1, project="b")
    sketch.gpu("GPU-0", "one", [0.25] * 30 + [0.75] * 90, pod="works")
    sketch.gpu("GPU-1", "one", 100.0, "DCGM_FI_DEV_POWER_USAGE", pod="blind")
    sketch.gpu("GPU-2", "one", 0.0)
    return sketch


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Of the second hour, only the sums are still there. The first was read by the second of three runs."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    booked = drawn().book(2, as_of=READ_AT)
    first, second = (booked.of(hour) for hour in ALL.hours())
    lake.replace(Window.hour_of(START), first)
    lake.replace(Window.hour_of(START + HOUR), second.filter(pc.equal(second["layer"], "hour")))
    for kind, started_at, window, error in (
        ("fill", READ_AT - HOUR, ALL, None),
        ("correction", READ_AT - MINUTE, ALL, None),
        ("live", READ_AT - MINUTE / 2, Window(ALL.end, ALL.end + HOUR), None),
        ("live", READ_AT - MINUTE / 3, ALL, "it broke"),
    ):
        run = Collection("alpha", kind, window, started_at, 90.0, samples_read=7, error=error, warnings=("one", "two"))  # type: ignore[arg-type]  # the tuple loses the literals
        lake.collections.append(run.table())
    engine = Engine(lake)
    yield engine
    engine.close()


def asked(engine: Engine, time: datetime, scope: Scope = EVERYTHING, **named: str) -> list[Any]:
    asker = Asker(engine, scope, ["alpha"], ALL.end + HOUR)
    return list(explain(asker, Moment("alpha", time, **named)).rows.to_pylist())


def test_a_step_is_told_by_the_columns_in_which_it_stands(engine: Engine) -> None:
    busy, idle = asked(engine, START + 10 * MINUTE + timedelta(seconds=59), gpu="GPU-0")
    assert (busy["layer"], busy["time"], busy["elapsed_seconds"]) == ("raw", START + 10 * MINUTE, 60)
    assert [(row["column"], row["seconds"]) for row in (busy, idle)] == [("busy", 15), ("idle", 45)]
    assert (busy["pod"], busy["project"], busy["user"], busy["attribution"]) == ("works", "a", "ada", "device")
    assert (busy["gpu_utilization_ratio"], busy["utilization_source"]) == (0.25, "graphics_engine")
    assert (busy["rule"], busy["attribution_text"]) == (RULES["busy"], ATTRIBUTIONS["device"])
    assert busy["utilization_source_text"] == SOURCES["graphics_engine"]
    assert asked(engine, START + 30 * MINUTE, gpu="GPU-0")[0]["seconds"] == 45


def test_the_reason_is_told_in_words(engine: Engine) -> None:
    (row,) = asked(engine, START, gpu="GPU-1")
    assert (row["column"], row["reason"], row["reason_text"]) == (
        "held",
        "no_utilization",
        REASONS["no_utilization"],
    )
    assert (row["gpu_utilization_ratio"], row["gpu_power_watts"]) == (None, 100)


def test_what_nobody_holds_is_explained_too(engine: Engine) -> None:
    (row,) = asked(engine, START, gpu="GPU-2")
    assert (row["column"], row["workload"], row["attribution_text"]) == ("free", None, ATTRIBUTIONS["none"])


def test_a_pod_can_be_asked_about(engine: Engine) -> None:
    assert asked(engine, START, pod="team/works") == asked(engine, START, gpu="GPU-0")
    assert asked(engine, START, pod="works") == []


def test_the_run_that_wrote_the_hour_is_named(engine: Engine) -> None:
    """The one that was reading at the time of the hour's revision, and did not fail."""
    row = asked(engine, START, gpu="GPU-0")[0]
    assert (row["revision"], row["read_at"]) == (int(READ_AT.timestamp()), READ_AT)
    assert (row["run_kind"], row["run_started_at"]) == ("correction", READ_AT - MINUTE)
    assert (row["run_samples_read"], row["run_warnings"]) == (7, "one; two")


def test_where_samples_are_gone_the_hour_is_explained(engine: Engine) -> None:
    busy, idle = asked(engine, START + 90 * MINUTE, gpu="GPU-0")
    assert (busy["layer"], busy["time"], busy["elapsed_seconds"]) == ("hour", START + HOUR, 3600)
    assert (busy["seconds"], idle["seconds"]) == (pytest.approx(2700), pytest.approx(900))


def test_a_scope_hides_the_time_of_others(engine: Engine) -> None:
    scope = Scope(frozenset({("alpha", "a")}))
    assert len(asked(engine, START, scope, gpu="GPU-0")) == 2
    assert asked(engine, START, scope, gpu="GPU-1") == []
    assert asked(engine, START, scope, gpu="GPU-2") == []
    assert asked(engine, START, Scope(frozenset({("beta", None)})), gpu="GPU-0") == []


def test_every_word_of_the_ledger_is_explained() -> None:
    macros = files("queries.ledger").joinpath("macros.sql").read_text()

    def words(name: str) -> set[str]:
        found = re.search(rf"type if not exists {name} as enum \((.*?)\)", macros, re.DOTALL)
        assert found
        return set(re.findall(r"'(\w+)'", found[1]))

    assert words("reason") == set(REASONS)
    assert words("utilization_source") == set(SOURCES)
    assert set(RULES) == set(LEDGER_COLUMNS)
