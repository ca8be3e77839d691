from collections.abc import Iterator

import pytest

from queries.catalogue import METRICS
from queries.engine import Engine
from queries.lake import Lake
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
