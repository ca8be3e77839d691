"""What projects and departments held over a day, a week and a month."""

from collections.abc import Iterator
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

import pytest

from queries.accounting import Accounting
from queries.averages import UNKNOWN, Average, Averages, ask_averages, state_of, window_of
from queries.departments import Department
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.sketch import START, Sketch

HOURS = 4
ALL = Window(START, START + HOURS * HOUR)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATER = START + 2 * HOUR

DEPARTMENTS = (Department(name="research", projects=("early", "late")),)


def drawn() -> Sketch:
    """Project early holds a GPU in the first two hours, and late one in the last two, which works at a quarter."""
    sketch = Sketch(Cluster(name="alpha", prometheus="http://127.0.0.1:1"), minutes=60 * HOURS)
    sketch.node("alpha-1", 2)
    halves = [1.0] * 120 + [0.0] * 120
    sketch.pod("pe", "alpha-1", 1, running=halves, project="early")
    sketch.pod("pl", "alpha-1", 1, running=[1 - value for value in halves], project="late")
    for number, (pod, value) in enumerate((("pe", 0.5), ("pl", 0.25))):
        sketch.gpu(f"gpu-{number}", "alpha-1", value, pod=pod)
        sketch.gpu(f"gpu-{number}", "alpha-1", 20 * 1024.0, "DCGM_FI_DEV_FB_USED", pod=pod)
        sketch.gpu(f"gpu-{number}", "alpha-1", 60 * 1024.0, "DCGM_FI_DEV_FB_FREE", pod=pod)
    return sketch


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    booked = drawn().book(HOURS)
    for hour in ALL.hours():
        lake.replace(hour, booked.of(hour))
    engine = Engine(lake, Accounting(departments=DEPARTMENTS))
    yield engine
    engine.close()


def averages(engine: Engine, *made: tuple[str, datetime], scope: Scope = EVERYTHING) -> Averages:
    asker = Asker(engine, scope, ["alpha"], ALL.end + timedelta(minutes=1))
    units = [(("alpha", name), time) for name, time in made]
    return ask_averages(asker, window_of("24h", asker.now), "project", units)


def test_what_is_older_is_told_over_the_time_that_was_collected(engine: Engine) -> None:
    told = averages(engine, ("early", LONG_AGO), ("late", LONG_AGO), ("idle", LONG_AGO))
    assert astuple(told.of(("alpha", "early"))) == pytest.approx((0.5, 0.5, 0.25))
    assert astuple(told.of(("alpha", "late"))) == pytest.approx((0.5, 0.25, 0.25))
    assert told.of(("alpha", "idle")) == Average(0.0, None, None)
    assert told.end == ALL.end


def test_what_is_younger_is_told_over_its_life(engine: Engine) -> None:
    told = averages(engine, ("early", START), ("late", LATER + timedelta(minutes=59)), ("idle", LATER))
    assert told.of(("alpha", "early")).gpus_allocated == pytest.approx(0.5)
    assert told.of(("alpha", "late")).gpus_allocated == pytest.approx(1.0)
    assert told.of(("alpha", "idle")).gpus_allocated == 0.0


def test_what_the_lake_showed_before_it_was_made_is_part_of_its_life(engine: Engine) -> None:
    assert averages(engine, ("early", ALL.end)).of(("alpha", "early")).gpus_allocated == pytest.approx(0.5)


def test_nothing_is_known_of_what_was_never_collected(engine: Engine) -> None:
    told = averages(engine, ("young", ALL.end))
    assert told.of(("alpha", "young")) == UNKNOWN
    assert told.of(("nowhere", "a")) == UNKNOWN


def test_a_scope_hides_what_others_held(engine: Engine) -> None:
    scope = Scope(frozenset({("alpha", "early")}))
    told = averages(engine, ("early", LONG_AGO), ("late", LONG_AGO), ("idle", LONG_AGO), scope=scope)
    assert told.of(("alpha", "early")).gpus_allocated == pytest.approx(0.5)
    assert told.of(("alpha", "late")) == Average(0.0, None, None)
    hidden = averages(engine, ("early", LONG_AGO), scope=Scope(frozenset({("beta", None)})))
    assert hidden.of(("alpha", "early")) == UNKNOWN


def test_they_are_those_of_the_ledger(engine: Engine) -> None:
    asker = Asker(engine, EVERYTHING, ["alpha"], ALL.end)
    told = averages(engine, ("early", LONG_AGO), ("late", LONG_AGO))
    for row in asker.ledger(Question(ALL, None, ("cluster", "project"))).rows.to_pylist():
        if row["project"]:
            average = told.of((row["cluster"], row["project"]))
            assert average.gpus_allocated == pytest.approx(row["allocated_gpu_hours"] / HOURS)
            used = row["busy_seconds"] / (row["busy_seconds"] + row["idle_seconds"])
            assert average.utilization == pytest.approx(used)


def test_a_department_has_what_its_projects_have(engine: Engine) -> None:
    asker = Asker(engine, EVERYTHING, ["alpha"], ALL.end)
    made = [(("alpha", "research"), LONG_AGO)]
    told = ask_averages(asker, window_of("7d", asker.now), "department", made)
    assert astuple(told.of(("alpha", "research"))) == pytest.approx((1.0, 0.375, 0.25))


def test_they_are_kept_while_their_hours_stay_as_they_are(engine: Engine) -> None:
    asker = Asker(engine, EVERYTHING, ["alpha"], ALL.end)
    window = Window(START, LATER)
    before = state_of(asker, window)
    booked = drawn().book(HOURS, as_of=START + timedelta(days=3))
    next_hour = Window.hour_of(LATER)
    engine.lake.replace(next_hour, booked.of(next_hour))
    assert state_of(Asker(engine, EVERYTHING, ["alpha"], ALL.end), window) == before
    engine.lake.replace(Window.hour_of(START), booked.of(Window.hour_of(START)))
    assert state_of(Asker(engine, EVERYTHING, ["alpha"], ALL.end), window) != before
