from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from queries.catalogue import DIMENSIONS, METRICS, STATISTICS, Metric
from queries.condition import Condition
from queries.engine import Engine
from queries.lake import Lake
from queries.plan import Part, plan
from queries.question import POINTS, Asker, Question, automatic_step
from queries.scope import EVERYTHING, Scope
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.sketch import START, Sketch

HOURS = 4
ALL = Window(START, START + HOURS * HOUR)
MINUTE = timedelta(minutes=1)


def drawn(name: str, gpus: int, u: float, start: datetime = START) -> Sketch:
    """A node of some GPUs: the first is held by a pod of project a and works, the second by b and does not; others are free."""
    sketch = Sketch(Cluster(name=name, prometheus="http://127.0.0.1:1"), minutes=60 * HOURS, start=start)
    sketch.node(f"{name}-1", gpus)
    sketch.pod("pa", f"{name}-1", 1, project="a", user="ada")
    sketch.pod("pb", f"{name}-1", 1, project="b")
    sketch.gpu(f"{name}-0", f"{name}-1", u, pod="pa")
    sketch.gpu(f"{name}-1", f"{name}-1", 0.0, pod="pb")
    for number in range(2, gpus):
        sketch.gpu(f"{name}-{number}", f"{name}-1", 0.0)
    sketch.gpu(f"{name}-0", f"{name}-1", 300.0, "DCGM_FI_DEV_POWER_USAGE", pod="pa")
    return sketch


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Two clusters: alpha with four GPUs, beta with two."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    for sketch in (drawn("alpha", 4, 0.5), drawn("beta", 2, 1.0)):
        booked = sketch.book(HOURS)
        for hour in ALL.hours():
            lake.replace(hour, booked.of(hour))
    engine = Engine(lake)
    yield engine
    engine.close()


@pytest.fixture
def asker(engine: Engine) -> Asker:
    return Asker(engine, EVERYTHING, ["alpha", "beta", "gamma"], ALL.end + MINUTE)


def values(asker: Asker, metric: str, question: Question, statistic: str = "mean") -> list[object]:
    rows = asker.range(question, [METRICS[metric]], statistic).rows
    return [row[metric] for row in rows.to_pylist()]


def test_a_ledger_row_accounts_for_all_capacity(asker: Asker) -> None:
    (row,) = asker.ledger(Question(ALL)).rows.to_pylist()
    assert row["capacity_seconds"] == 6 * HOURS * 3600
    assert row["busy_seconds"] == pytest.approx(1.5 * HOURS * 3600)
    assert row["idle_seconds"] == pytest.approx(2.5 * HOURS * 3600)
    assert row["free_seconds"] == pytest.approx(2 * HOURS * 3600)
    assert row["allocated_gpu_hours"] == pytest.approx(4 * HOURS)
    assert row["gpu_utilization_ratio"] == pytest.approx(0.25)
    assert row["gpu_allocation_ratio"] == pytest.approx(4 / 6)
    assert row["energy_joules"] == pytest.approx(2 * 300 * HOURS * 3600)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_groups_of_any_dimension_sum_to_the_whole(asker: Asker, dimension: str) -> None:
    rows = asker.ledger(Question(ALL, by=(dimension,))).rows.to_pylist()
    assert sum(row["capacity_seconds"] for row in rows) == pytest.approx(6 * HOURS * 3600)
    assert len({row[dimension] for row in rows}) == len(rows)


def test_a_user_that_is_not_known_is_null_and_never_the_namespace(asker: Asker) -> None:
    rows = asker.ledger(Question(ALL, by=("user",), where=(Condition.parse("project==b"),))).rows.to_pylist()
    assert [row["user"] for row in rows] == [None]


def test_a_mean_is_weighted_by_gpu_time_and_not_a_mean_of_means(asker: Asker) -> None:
    """Utilization of alpha is 0.5 over 4 GPUs, of beta 1 over 2: together (0.5 + 1) / 6."""
    assert values(asker, "gpu_utilization_ratio", Question(ALL, 4 * HOUR)) == [pytest.approx(0.25)]
    by_cluster = values(asker, "gpu_utilization_ratio", Question(ALL, 4 * HOUR, ("cluster",)))
    assert by_cluster == [pytest.approx(0.125), pytest.approx(0.5)]


def test_a_number_of_gpus_is_their_time_over_the_time_that_was_collected(asker: Asker) -> None:
    for step in (MINUTE, HOUR, 4 * HOUR):
        found = values(asker, "gpus_capacity", Question(ALL, step))
        assert found == [pytest.approx(6)] * round(ALL.length / step)


@pytest.mark.parametrize(("statistic", "expected"), [("mean", 0.75), ("min", 0.5), ("max", 1.0)])
def test_statistics_are_over_gpus(asker: Asker, statistic: str, expected: float) -> None:
    question = Question(ALL, 4 * HOUR, (), (Condition.parse("project==a"),))
    assert values(asker, "gpu_utilization_ratio", question, statistic) == [pytest.approx(expected)]


def test_hours_and_samples_give_the_same_answer(asker: Asker) -> None:
    """Half hours are read from samples; two of them are the hour that is read from the rollup."""
    halves = values(asker, "gpu_power_watts", Question(ALL, HOUR / 2, ("project",)))
    hours = values(asker, "gpu_power_watts", Question(ALL, HOUR, ("project",)))
    assert halves[: len(halves) // 2 : 1] == halves[len(halves) // 2 :]
    assert hours == halves[: len(hours)]


def test_a_window_that_begins_within_an_hour_is_answered_exactly(asker: Asker) -> None:
    ragged = Window(START + 20 * MINUTE, START + 3 * HOUR + 5 * MINUTE)
    (row,) = asker.ledger(Question(ragged)).rows.to_pylist()
    assert row["capacity_seconds"] == pytest.approx(6 * ragged.length.total_seconds())
    assert row["busy_seconds"] == pytest.approx(1.5 * ragged.length.total_seconds())


def test_the_plan_reads_hours_inside_and_samples_at_the_edges() -> None:
    ragged = Window(START + 20 * MINUTE, START + 3 * HOUR + 5 * MINUTE)
    inner = Window(START + HOUR, START + 3 * HOUR)
    edges = [Part("raw", Window(ragged.start, inner.start)), Part("raw", Window(inner.end, ragged.end))]
    assert plan(ragged, HOUR) == [Part("hour", inner), *edges]
    assert plan(ragged, None) == [Part("hour", inner), *edges]
    assert plan(ragged, 5 * MINUTE) == [Part("raw", ragged)]
    assert plan(ALL, HOUR) == [Part("hour", ALL)]
    within = Window(START + MINUTE, START + 2 * MINUTE)
    assert plan(within, HOUR) == [Part("raw", within)]


def test_conditions_are_all_applied(asker: Asker) -> None:
    where = tuple(Condition.parse(text) for text in ("cluster==alpha", "project==a"))
    (row,) = asker.ledger(Question(ALL, where=where)).rows.to_pylist()
    assert row["capacity_seconds"] == HOURS * 3600


def test_coverage_and_freshness_go_with_an_answer(asker: Asker) -> None:
    answer = asker.ledger(Question(ALL))
    assert answer.coverage == pytest.approx(1.0)
    assert [(cluster.name, cluster.status) for cluster in answer.clusters] == [
        ("alpha", "ok"),
        ("beta", "ok"),
        ("gamma", "never"),
    ]
    assert answer.warnings == ("cluster gamma: nothing was collected yet",)


def test_what_was_not_collected_is_told(engine: Engine) -> None:
    early = Window(START - 2 * HOUR, ALL.end + HOUR)
    answer = Asker(engine, EVERYTHING, [], ALL.end + 2 * HOUR).ledger(Question(early))
    assert [cluster.status for cluster in answer.clusters] == ["late", "late"]
    assert [warning for warning in answer.warnings if "alpha" in warning] == [
        "cluster alpha: collected until 2025-03-03T04:00:00Z; what came after is missing",
        "cluster alpha: 2 of 6 hours were not collected, and are missing",
    ]


def test_the_newest_step_of_each_cluster_is_the_latest(asker: Asker) -> None:
    window = Window(ALL.end - 15 * MINUTE, ALL.end + MINUTE)
    rows = asker.range(Question(window, by=("cluster",)), [METRICS["gpus_busy"]], "mean").rows.to_pylist()
    assert [(row["cluster"], row["gpus_busy"]) for row in rows] == [
        ("alpha", pytest.approx(0.5)),
        ("beta", pytest.approx(1)),
    ]
    assert {row["time"] for row in rows} == {ALL.end - MINUTE}


@pytest.mark.parametrize(
    ("allowed", "seen"),
    [
        ({(None, None)}, {("alpha", "a"), ("alpha", "b"), ("beta", "a"), ("beta", "b"), ("alpha", None)}),
        ({("alpha", None)}, {("alpha", "a"), ("alpha", "b"), ("alpha", None)}),
        ({("beta", "a")}, {("beta", "a")}),
        ({(None, "a")}, {("alpha", "a"), ("beta", "a")}),
        (set(), set()),
    ],
)
def test_a_scope_hides_what_it_does_not_name(
    engine: Engine, allowed: set[tuple[str | None, str | None]], seen: set[tuple[str, str | None]]
) -> None:
    asker = Asker(engine, Scope(frozenset(allowed)), ["alpha", "beta"], ALL.end)
    rows = asker.ledger(Question(ALL, by=("cluster", "project"))).rows.to_pylist()
    assert {(row["cluster"], row["project"]) for row in rows} == seen
    assert {cluster.name for cluster in asker.clusters()} == {cluster for cluster, _ in seen}


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_answers_by_each_of_its_dimensions_and_statistics(asker: Asker, metric: Metric) -> None:
    dimensions = [(dimension,) for dimension in metric.dimensions]
    for statistic, by in [("mean", by) for by in dimensions] + [(statistic, ()) for statistic in metric.statistics]:
        rows = asker.range(Question(ALL, HOUR, by), [metric], statistic).rows
        assert rows.column_names == ["time", *by, metric.name]


def test_statistics_are_those_of_the_catalogue() -> None:
    assert {statistic for metric in METRICS.values() for statistic in metric.statistics} == set(STATISTICS)


@pytest.mark.parametrize("days", [0.1, 1, 7, 30, 365])
def test_an_automatic_step_gives_a_readable_number_of_points(days: float) -> None:
    window = Window(START, START + timedelta(days=days))
    step = automatic_step(window, MINUTE)
    assert 30 <= window.length / step <= max(POINTS, days)


def test_an_automatic_step_is_no_finer_than_the_samples() -> None:
    assert automatic_step(Window(START, START + HOUR), timedelta(minutes=5)) == timedelta(minutes=5)
