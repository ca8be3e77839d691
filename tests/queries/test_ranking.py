from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest

from metrics_api.ledger_row import COLUMNS
from queries.accounting import Accounting
from queries.catalogue import METRICS
from queries.engine import Engine
from queries.lake import Lake
from queries.prices import Price
from queries.question import Asker, Question
from queries.ranking import Ranking
from queries.scope import EVERYTHING, Scope
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.sketch import START, Sketch

HOURS = 3
ALL = Window(START, START + HOURS * HOUR)
PROJECTS = {"a": 0.2, "b": 0.9, "other": 0.5, "d": 0.4}
"""And how busy the GPU is that each of them holds; of e's nothing is known."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    lake = Lake(str(tmp_path_factory.mktemp("ranked")))
    lake.create()
    sketch = Sketch(Cluster(name="alpha", prometheus="http://127.0.0.1:1"), minutes=60 * HOURS)
    sketch.node("n1", len(PROJECTS) + 2)
    for number, (project, u) in enumerate(PROJECTS.items()):
        sketch.pod(f"p{project}", "n1", 1, project=project, user=f"u{project}")
        sketch.gpu(f"GPU-{number}", "n1", u, pod=f"p{project}")
    sketch.pod("pe", "n1", 2, project="e")
    booked = sketch.book(HOURS)
    for hour in ALL.hours():
        lake.replace(hour, booked.of(hour))
    engine = Engine(lake)
    yield engine
    engine.close()


def ranked(
    engine: Engine, ranking: Ranking, *metrics: str, by: tuple[str, ...] = ("project",), **how: object
) -> list[dict[str, object]]:
    asker = Asker(engine, how.get("scope", EVERYTHING), [], ALL.end)  # type: ignore[arg-type]  # as asked
    step = how.get("step", HOURS * HOUR)
    question = Question(ALL, step, by, ranking=ranking)  # type: ignore[arg-type]  # as asked
    rows = asker.range(question, [METRICS[metric] for metric in metrics], str(how.get("stat", "mean")))
    return rows.rows.to_pylist()  # type: ignore[no-any-return]


def names(rows: list[dict[str, object]]) -> list[object]:
    return [row["project"] for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu_utilization_ratio", ["a", "d", "other", "b", "e"]),
        ("-gpu_utilization_ratio", ["b", "other", "d", "a", "e"]),
        ("-project", ["other", "e", "d", "b", "a"]),
        ("project", ["a", "b", "d", "e", "other"]),
        (None, ["a", "b", "d", "e", "other"]),
    ],
)
def test_groups_come_in_the_order_that_is_asked_for_and_the_unknown_last(
    engine: Engine, text: str | None, expected: list[str]
) -> None:
    rows = ranked(engine, Ranking.parse(text, None, False), "gpu_utilization_ratio", "gpus_allocated")
    assert names(rows) == expected


def test_a_limit_keeps_those_that_have_most_over_the_whole_window(engine: Engine) -> None:
    rows = ranked(engine, Ranking(limit=2), "gpus_busy", step=HOUR)
    assert names(rows) == ["b"] * 3 + ["other"] * 3
    assert [row["time"] for row in rows[:3]] == [hour.start for hour in ALL.hours()]


def test_rows_can_come_newest_first(engine: Engine) -> None:
    rows = ranked(engine, Ranking.parse("-time", 2, False), "gpus_busy", step=HOUR)
    assert names(rows) == ["b", "other"] * 3
    assert [row["time"] for row in rows[::2]] == [hour.start for hour in reversed(list(ALL.hours()))]


def test_the_rest_is_a_ratio_of_sums_under_a_name_of_its_own(engine: Engine) -> None:
    """b and a project that is called other have places; left are 0.4, 0.2, and two GPUs of which nothing is known."""
    ranking = Ranking.parse("-gpus_busy", 2, True)
    rows = ranked(engine, ranking, "gpus_busy", "gpu_utilization_ratio", "gpu_coverage_ratio")
    assert names(rows) == ["b", "other", "(other)"]
    assert rows[2]["gpus_busy"] == pytest.approx(0.6)
    assert rows[2]["gpu_utilization_ratio"] == pytest.approx(0.3)
    assert rows[2]["gpu_coverage_ratio"] == pytest.approx(2 / 4)
    (first,) = ranked(engine, Ranking(limit=1), "gpus_busy")
    assert first["project"] == "b"


def test_the_groups_and_the_rest_are_the_whole(engine: Engine) -> None:
    for limit in (1, 3, 5, 9):
        rows = ranked(engine, Ranking(limit=limit, with_others=True), "gpus_capacity", by=("project", "user"))
        assert sum(row["gpus_capacity"] for row in rows) == pytest.approx(6)  # type: ignore[misc]  # it is a number
        assert len(rows) == min(limit + 1, 5)


def test_the_rest_has_a_percentile_of_its_own(engine: Engine) -> None:
    rows = ranked(engine, Ranking(limit=2, with_others=True), "gpu_utilization_ratio", stat="p50")
    assert [(row["project"], row["gpu_utilization_ratio"]) for row in rows] == [
        ("b", pytest.approx(0.9)),
        ("other", pytest.approx(0.5)),
        ("(other)", pytest.approx(0.2)),
    ]


def test_the_rest_hides_what_a_scope_does_not_name(engine: Engine) -> None:
    scope = Scope(frozenset({("alpha", "a"), ("alpha", "b")}))
    rows = ranked(engine, Ranking(limit=1, with_others=True), "gpus_busy", scope=scope)
    assert [(row["project"], row["gpus_busy"]) for row in rows] == [
        ("b", pytest.approx(0.9)),
        ("other", pytest.approx(0.2)),
    ]


def test_the_newest_step_is_ranked_too(engine: Engine) -> None:
    rows = ranked(engine, Ranking(limit=1, with_others=True), "gpus_busy", step=None)
    assert [(row["project"], row["gpus_busy"]) for row in rows] == [
        ("b", pytest.approx(0.9)),
        ("other", pytest.approx(1.1)),
    ]


@pytest.fixture(scope="module")
def rated(engine: Engine) -> Engine:
    """An hour of a GPU costs 2."""
    rated = copy(engine)
    rated.accounting = Accounting((Price(gpu_model="*", per_gpu_hour=2.0, currency="EUR"),))
    return rated


def booked(engine: Engine, ranking: Ranking, columns: tuple[str, ...] = (), **how: Any) -> list[Any]:
    scope, by = how.pop("scope", EVERYTHING), how.pop("by", ("project",))
    question = Question(ALL, how.pop("step", None), by, ranking=ranking, **how)
    return list(Asker(engine, scope, [], ALL.end).ledger(question, columns).rows.to_pylist())


@pytest.mark.parametrize("column", COLUMNS)
def test_the_ledger_can_be_ordered_by_every_column(rated: Engine, column: str) -> None:
    told = booked(rated, Ranking.parse(f"-{column}", None, False))
    values = [row[column] for row in told]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == [None] * (len(values) - len(known))
    first = booked(rated, Ranking.parse(f"-{column}", 2, False))
    assert first == told[:2]


def test_the_ledger_keeps_the_first_groups_and_the_rest_as_one(rated: Engine) -> None:
    """Idle are 2.4, 1.8, 1.5 and 0.3 GPU-hours of a, d, other and b; e holds two GPUs of which nothing is known."""
    rows = booked(rated, Ranking.parse("-idle_cost", 2, True), ("idle_cost", "allocated_gpu_hours"))
    assert [(row["project"], row["idle_cost"], row["allocated_gpu_hours"]) for row in rows] == [
        ("a", pytest.approx(4.8), pytest.approx(3)),
        ("d", pytest.approx(3.6), pytest.approx(3)),
        ("other", pytest.approx(3.6), pytest.approx(12)),
    ]


def test_groups_of_the_ledger_have_their_place_at_each_step(rated: Engine) -> None:
    rows = booked(rated, Ranking.parse("busy_seconds", 1, True), step=HOUR, by=("project", "user"))
    assert names(rows) == ["e"] * 3 + ["other"] * 3
    assert [row["time"] for row in rows[:3]] == [hour.start for hour in ALL.hours()]
    assert sum(row["capacity_seconds"] for row in rows) == pytest.approx(6 * HOURS * 3600)
    newest_first = booked(rated, Ranking.parse("-time", None, False), step=HOUR)
    assert [row["time"] for row in newest_first[::5]] == [hour.start for hour in reversed(list(ALL.hours()))]


def test_a_limit_of_the_ledger_is_by_the_first_column(rated: Engine) -> None:
    assert names(booked(rated, Ranking(limit=1))) == ["e"]
    assert names(booked(rated, Ranking(limit=1), ("busy_gpu_hours",))) == ["b"]


def test_the_rest_of_the_ledger_hides_what_a_scope_does_not_name(rated: Engine) -> None:
    scope = Scope(frozenset({("alpha", "a"), ("alpha", "b")}))
    first, rest = booked(rated, Ranking.parse("-busy_cost", 1, True), scope=scope)
    assert (first["project"], rest["project"], rest["capacity_gpu_hours"]) == ("b", "other", 3)
