from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from queries.collection import Collection
from queries.engine import Engine
from queries.freshness import Freshness, freshness, recent_runs
from queries.lake import Lake
from queries.question import Asker
from queries.scope import EVERYTHING, Scope
from queries.settings import Settings
from queries.window import HOUR, Window
from tests.queries.committer import revised
from tests.queries.test_question import ALL, HOURS, drawn
from tests.sketch import START

NOW = ALL.end + timedelta(minutes=1)
CLUSTERS = [{"name": name, "prometheus": "http://127.0.0.1:1"} for name in ("alpha", "beta")]
SETTINGS = Settings.model_validate({"clusters": CLUSTERS})


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Of alpha all hours were collected, but the second was not read to its end; beta is not there, gamma not configured.
    No utilization is known of two of alpha's four GPUs."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    for name in ("alpha", "gamma"):
        sketch = drawn(name, 2, 0.5)
        sketch.node(f"{name}-2", 2)
        booked = sketch.book(HOURS)
        for number, hour in enumerate(ALL.hours()):
            read_at = hour.end + (HOUR / 2 if number != 1 else -HOUR / 2)
            lake.replace(hour, revised(booked.of(hour), int(read_at.timestamp())))
    return lake


@pytest.fixture
def engine(lake: Lake) -> Iterator[Engine]:
    engine = Engine(lake)
    yield engine
    engine.close()


def asker(engine: Engine, now: datetime = NOW, scope: Scope = EVERYTHING) -> Asker:
    return Asker(engine, scope, ["alpha", "beta"], now)


def seen(engine: Engine, now: datetime = NOW) -> dict[str, Freshness]:
    return {each.state.name: each for each in freshness(asker(engine, now), SETTINGS.clusters, SETTINGS.collect.grace)}


def test_what_is_missing_is_counted_from_the_first_hour_on(engine: Engine) -> None:
    """The last hour but one has no reading after its grace, and is over; the last has not been over for long enough."""
    assert seen(engine)["alpha"].hours_missing == 1
    assert seen(engine, NOW + 3 * HOUR)["alpha"].hours_missing == 1 + 1
    assert seen(engine, NOW + timedelta(days=31))["alpha"].hours_missing is None


def test_what_is_not_configured_or_not_there_has_nothing_to_miss(engine: Engine) -> None:
    assert seen(engine)["gamma"].hours_missing is None
    assert seen(engine)["beta"].hours_missing is None
    assert (seen(engine)["beta"].lag_seconds, seen(engine)["beta"].coverage) == (None, None)


def test_the_lag_is_how_long_ago_the_last_reading_reached(engine: Engine) -> None:
    assert seen(engine)["alpha"].lag_seconds == 60
    assert seen(engine, NOW + HOUR)["alpha"].lag_seconds == 3660


def test_the_coverage_is_that_of_the_last_day(engine: Engine) -> None:
    assert seen(engine)["alpha"].coverage == pytest.approx(0.5)
    assert seen(engine, NOW + timedelta(days=2))["alpha"].coverage is None


def test_runs_are_counted_from_the_start_of_the_month(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A count that began in the month before would, for Prometheus, jump when that month is forgotten."""
    lake = Lake(str(tmp_path_factory.mktemp("runs")))
    lake.create()
    engine = Engine(lake)
    assert recent_runs(asker(engine)) == []
    february, march = datetime(2025, 2, 28, 23, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
    for started_at, error in ((february, "no"), (march, None), (START, "it broke"), (march + HOUR, "it broke earlier")):
        window = Window.hour_of(started_at)
        lake.collections.append(
            Collection("alpha", "live", window, started_at, 2.0, samples_read=10, error=error).table()
        )
    (runs,) = recent_runs(asker(engine))
    assert (runs.runs, runs.failures, runs.samples) == (3, 2, 30)
    assert (runs.started_at, runs.success, runs.error) == (START, False, "it broke")
    assert (runs.succeeded_at, runs.failed_at) == (march.timestamp() + 2, START.timestamp() + 2)
    (late,) = recent_runs(asker(engine, datetime(2025, 4, 1, 1, tzinfo=UTC)))
    assert (late.runs, late.started_at) == (0, START)
    assert recent_runs(asker(engine, datetime(2025, 5, 1, 1, tzinfo=UTC))) == []
    assert recent_runs(asker(engine, scope=Scope(frozenset({("beta", None)})))) == []
    engine.close()
