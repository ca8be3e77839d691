"""Who may see only a project is told the same of it as who may see everything and asks for it, also where others alone had
GPUs."""

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pandas as pd
import pytest

from queries.catalogue import METRICS, Metric
from queries.condition import Condition
from queries.engine import Engine
from queries.lake import Lake
from queries.plan import Part
from queries.question import Asker, Question
from queries.ranking import Ranking
from queries.scope import EVERYTHING, Scope
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.sketch import START, Sketch

HOURS = 5
MINUTE = timedelta(minutes=1)
ALL = Window(START, START + HOURS * HOUR)
SLOT = 10 * MINUTE
STEPS_AND_SLOTS = ((None, None), (20 * MINUTE, None), (6 * HOUR, None), (6 * HOUR, SLOT))

OF_A = (Condition.parse("cluster==alpha"), Condition.parse("project==a"))

OF_EACH_KIND = [
    METRICS[name] for name in ("gpus_allocated", "gpu_utilization_ratio", "gpu_power_watts", "gpu_energy_joules")
]


def drawn(name: str, dice: random.Random) -> Sketch:
    """Pods of three projects come and go on four GPUs, each with its minutes."""
    sketch = Sketch(
        Cluster.model_validate({"name": name, "prometheus": "http://127.0.0.1:1", "step": dice.choice(["1m", "5m"])}),
        60 * HOURS,
    )
    sketch.node("one", 4)
    for number in range(4):
        begun, ended = sorted(dice.sample(range(60 * HOURS), 2))
        running = [1.0 if begun <= minute < ended else None for minute in range(60 * HOURS)]
        shown = [dice.random() if dice.random() > 0.1 else None for _ in running]
        sketch.pod(f"p{number}", "one", 1, running, project=dice.choice("abc") if number else "a", user="ada")
        sketch.gpu(f"{name}-{number}", "one", shown, pod=f"p{number}")
        sketch.gpu(f"{name}-{number}", "one", 300.0, "DCGM_FI_DEV_POWER_USAGE", pod=f"p{number}")
    return sketch


@pytest.fixture(scope="module", params=range(2))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Of each cluster an hour was not collected."""
    dice = random.Random(request.param)  # noqa: S311 - it only has to differ
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    for name in ("alpha", "beta"):
        booked = drawn(name, dice).book(HOURS)
        missing = dice.randrange(1, HOURS - 1)
        for number, hour in enumerate(ALL.hours()):
            if number != missing:
                lake.replace(hour, booked.of(hour))
    engine = Engine(lake)
    yield engine
    engine.close()


def asked(engine: Engine, allowed: tuple[str | None, str | None]) -> Asker:
    return Asker(engine, Scope(frozenset({allowed})), ["alpha", "beta"], ALL.end)


def told(
    asker: Asker, question: Question, metrics: list[Metric], statistic: str, slot: timedelta | None
) -> pd.DataFrame:
    frame: pd.DataFrame = asker.range(question, metrics, statistic, slot).rows.to_pandas()
    return frame


def ways() -> Iterator[tuple[timedelta | None, timedelta | None, str, list[Metric]]]:
    """Steps (None: the newest one), slots, statistics (one percentile stands for all), and the metrics that have them."""
    for (step, slot), statistic in product(STEPS_AND_SLOTS, ("mean", "sum", "min", "max", "p75")):
        metrics = [
            metric
            for metric in OF_EACH_KIND
            if statistic in (metric.statistics_over_time if slot else metric.statistics)
        ]
        if metrics:
            yield step, slot, statistic, metrics


def test_a_scope_is_answered_as_the_condition(engine: Engine) -> None:
    scoped, everything = asked(engine, ("alpha", "a")), asked(engine, (None, None))
    found = 0
    for step, slot, statistic, metrics in ways():
        mine = told(scoped, Question(ALL, step), metrics, statistic, slot)
        same = told(everything, Question(ALL, step, (), OF_A), metrics, statistic, slot)
        pd.testing.assert_frame_equal(mine, same, obj=f"{statistic} of {step} over {slot}")
        found += len(mine)
    assert found


@pytest.mark.parametrize("slot", [None, SLOT])
def test_a_scope_of_a_project_anywhere_is_answered_as_the_condition(engine: Engine, slot: timedelta | None) -> None:
    metrics = [METRICS["gpus_allocated"], METRICS["gpus_idle"]]
    ranking = Ranking.parse("-gpus_allocated", 1, True)
    for step, ranked in product((10 * MINUTE, 6 * HOUR), (Ranking(), ranking)):
        mine = told(asked(engine, (None, "a")), Question(ALL, step, ("cluster",), (), ranked), metrics, "mean", slot)
        same = told(
            asked(engine, (None, None)), Question(ALL, step, ("cluster",), OF_A[1:], ranked), metrics, "mean", slot
        )
        pd.testing.assert_frame_equal(mine, same)


def test_hours_in_which_a_project_had_nothing_are_not_missed(engine: Engine) -> None:
    mine = asked(engine, (None, "a")).ledger(Question(ALL, HOUR))
    same = asked(engine, (None, None)).ledger(Question(ALL, HOUR, (), OF_A[1:]))
    assert mine.warnings == same.warnings
    assert len([warning for warning in mine.warnings if "1 of 5 hours were not collected" in warning]) == 2
    assert mine.coverage == same.coverage
    assert mine.rows.equals(same.rows)


def test_of_other_clusters_not_even_the_times_are_told(engine: Engine) -> None:
    rows = engine.ask(
        "coverage",
        Scope(frozenset({("alpha", "a")})),
        engine.lake.snapshot(),
        [Part("hour", ALL)],
        Question(ALL).parameters(),
        with_times=True,
        conditions=[],
    )
    assert rows["cluster"].to_pylist() == ["alpha"]


def test_who_may_see_all_projects_needs_no_times() -> None:
    assert not EVERYTHING.hides_projects
    assert not Scope(frozenset({("alpha", None)})).hides_projects
    assert Scope(frozenset({("alpha", None), (None, "a")})).hides_projects
