from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from queries.accounting import Accounting
from queries.condition import Condition
from queries.departments import Department
from queries.engine import Engine
from queries.holdings import CLASSES, ask_holdings
from queries.lake import Lake
from queries.prices import Price
from queries.question import Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.settings import Cluster
from queries.waste import WasteQuestion, waste
from queries.window import HOUR, Window
from queries.workload_types import DEFAULTS, KINDS, WORKLOAD_TYPES, Policy, Thresholds
from tests.depth import deep
from tests.sketch import START, Sketch

HOURS = 6
MINUTE = timedelta(minutes=1)
ALL = Window(START, START + HOURS * HOUR)
USED, FREE = "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"
TOTAL_MIB = 80_000.0

Hours = list[float]
"""A value for each hour."""


def minutes(hours: Hours) -> list[float | None]:
    return [value for value in hours for _ in range(60)]


def show(
    sketch: Sketch, uuid: str, node: str, pod: str | None, u: Hours | None, memory: Hours, **instance: str
) -> None:
    """What a GPU shows, and whom it names. memory: MiB."""
    if u is not None:
        sketch.gpu(uuid, node, minutes(u), pod=pod, **instance)
    sketch.gpu(uuid, node, minutes(memory), USED, pod=pod, **instance)
    sketch.gpu(uuid, node, minutes([TOTAL_MIB - used for used in memory]), FREE, pod=pod, **instance)


def drawn() -> Sketch:
    """A node on which every pod is named after how it wastes its GPU."""
    sketch = Sketch(Cluster(name="alpha", prometheus="http://127.0.0.1:1"), minutes=60 * HOURS)
    half = TOTAL_MIB / 2
    works: dict[str, tuple[Hours | None, Hours]] = {
        "never": ([0] * 6, [5_000] * 6),
        "tail": ([0.9] * 2 + [0] * 4, [half] * 6),
        "low": ([0.1] * 6, [half] * 6),
        "small": ([0.4] * 6, [8_000] * 6),
        "bare": ([0.9] * 2 + [0] * 2 + [0.9] * 2, [half] * 2 + [0] * 2 + [half] * 2),
        "pause": ([0.9] * 2 + [0] * 2 + [0.9] * 2, [half] * 6),
        "good": ([0.9] * 6, [half] * 6),
        "blind": (None, [0] * 6),
        "hidden": (None, [half] * 6),
    }
    labels: dict[str, dict[str, str]] = {
        "notebook": {"determined_ai_task_id": "notebook"},
        "server": {"leaderworkerset_sigs_k8s_io_name": "server"},
    }
    works |= {"notebook": ([0.1] * 6, [half] * 6), "server": ([0] * 6, [half] * 6)}
    sketch.node("one", len(works) + 2)
    for pod, (u, memory) in works.items():
        project = "b" if pod == "low" else "a"
        sketch.pod(pod, "one", 1, running=1.0, project=project, user=f"user-of-{pod}", **labels.get(pod, {}))
        show(sketch, f"GPU-{pod}", "one", pod, u, memory)
    sketch.gpu("GPU-never", "one", 90.0, "DCGM_FI_DEV_POWER_USAGE", pod="never")
    sketch.pod("pair", "one", 2, project="a")
    show(sketch, "GPU-pair-0", "one", "pair", [0.9] * 6, [half] * 6)
    show(sketch, "GPU-pair-1", "one", "pair", [0] * 6, [half] * 6)
    sketch.node("two", 1, resource="nvidia_com_mig_1g_10gb")
    sketch.pod("mig", "two", 1, resource="nvidia_com_mig_1g_10gb", project="a")
    show(sketch, "GPU-cut", "two", "mig", [0] * 6, [1_000] * 6, instance="1", profile="1g.10gb")
    return sketch


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    booked = drawn().book(HOURS)
    for hour in ALL.hours():
        lake.replace(hour, booked.of(hour))
    engine = Engine(lake)
    yield engine
    engine.close()


@pytest.fixture
def asker(engine: Engine) -> Asker:
    return Asker(engine, EVERYTHING, ["alpha"], ALL.end + MINUTE)


@pytest.fixture
def priced(engine: Engine) -> Callable[..., Asker]:
    """An asker with a price list."""

    def with_prices(*prices: Price) -> Asker:
        rated = copy(engine)
        rated.accounting = Accounting(prices)
        return Asker(rated, EVERYTHING, ["alpha"], ALL.end + MINUTE)

    return with_prices


def rows_of(asker: Asker, window: Window = ALL, by: tuple[str, ...] = ("workload",), **asked: Any) -> list[Any]:
    where = tuple(Condition.parse(text) for text in asked.pop("where", ()))
    question = Question(window, None, by, where)
    return list(waste(asker, WasteQuestion(question, **asked)).rows.to_pylist())


def wasted(asker: Asker, window: Window = ALL, **asked: Any) -> dict[tuple[str, str], float]:
    """GPU-hours by workload and class."""
    return {
        (row["workload"], row["class"]): round(row["wasted_gpu_hours"], 6) for row in rows_of(asker, window, **asked)
    }


def policy(**changes: Any) -> Policy:
    """The same thresholds for all types."""
    return {each: replace(Thresholds(), **changes) for each in WORKLOAD_TYPES}


def test_every_way_to_waste_is_told_by_its_class(asker: Asker) -> None:
    """What is busy is no waste: of six hours at 0.1, 5.4 are; the two hours that `tail` worked at 0.9 are none."""
    assert wasted(asker) == {
        ("never", "never_used"): 6,
        ("pair", "never_used"): 6,
        ("blind", "no_process"): 6,
        ("low", "low_utilization"): 5.4,
        ("tail", "idle_tail"): 4,
        ("small", "oversized"): 3.6,
        ("bare", "no_process"): 2,
        ("mig", "never_used"): round(6 / 7, 6),
    }


def test_rows_come_with_their_evidence_the_most_first(asker: Asker) -> None:
    rows = rows_of(asker)
    assert [row["wasted_gpu_hours"] for row in rows] == sorted((row["wasted_gpu_hours"] for row in rows), reverse=True)
    tail = next(row for row in rows if row["workload"] == "tail")
    assert tail["allocated_gpu_hours"] == pytest.approx(6)
    assert tail["gpu_utilization_ratio"] == pytest.approx(0.3)
    assert tail["gpu_utilization_ratio_max"] == pytest.approx(0.9)
    assert tail["gpu_memory_used_bytes_max"] == TOTAL_MIB / 2 * 2**20
    assert tail["gpu_memory_utilization_ratio_max"] == pytest.approx(0.5)
    assert (tail["held_since"], tail["held_until"]) == (ALL.start, ALL.end)
    assert (tail["first_activity"], tail["last_activity"]) == (START, START + 2 * HOUR)
    assert (tail["project"], tail["user"], tail["workload_type"]) == ("a", "user-of-tail", "training")
    never = next(row for row in rows if row["workload"] == "never")
    assert (never["gpu_power_watts"], never["first_activity"], never["last_activity"]) == (
        pytest.approx(90),
        None,
        None,
    )


def test_of_a_workload_with_several_gpus_only_the_unused_ones_are_counted(asker: Asker) -> None:
    (row,) = rows_of(asker, where=("workload==pair",))
    assert (row["class"], row["gpus"], row["allocated_gpu_hours"]) == ("never_used", 1, pytest.approx(6))


@pytest.mark.parametrize(
    ("threshold", "value", "found", "not_found"),
    [
        ("active_above", 0.15, ("low", "never_used"), ("low", "low_utilization")),
        ("never_used_after", 7 * HOUR, None, ("never", "never_used")),
        ("idle_tail_after", 5 * HOUR, None, ("tail", "idle_tail")),
        ("low_utilization_below", 0.35, ("tail", "idle_tail"), ("tail", "low_utilization")),
        ("low_utilization_below", 0.05, None, ("low", "low_utilization")),
        ("judged_after", 7 * HOUR, None, ("small", "oversized")),
        ("oversized_memory_below", 0.05, None, ("small", "oversized")),
        ("oversized_utilization_below", 0.3, None, ("small", "oversized")),
        ("no_process_after", 3 * HOUR, ("blind", "no_process"), ("bare", "no_process")),
        ("no_process_memory_below_bytes", 0, None, ("blind", "no_process")),
        ("no_process_memory_below_bytes", 1e12, ("hidden", "no_process"), None),
    ],
)
def test_each_threshold_decides(
    asker: Asker, threshold: str, value: object, found: tuple[str, str] | None, not_found: tuple[str, str] | None
) -> None:
    seen = wasted(asker, policy=policy(**{threshold: value}))
    assert found is None or found in seen
    assert not_found not in seen


def test_a_tail_that_is_too_short_is_judged_with_the_rest(asker: Asker) -> None:
    """Over six hours, two at 0.9 are a utilization of 0.3."""
    thresholds = policy(idle_tail_after=5 * HOUR, low_utilization_below=0.35)
    assert wasted(asker, policy=thresholds)["tail", "low_utilization"] == pytest.approx(6 - 1.8)


def test_a_part_of_a_gpu_is_judged_by_the_time_that_it_was_held(asker: Asker) -> None:
    """A seventh of a GPU over six hours is less than an hour of one."""
    assert ("mig", "never_used") in wasted(asker, policy=policy(never_used_after=5 * HOUR))
    assert ("mig", "never_used") not in wasted(asker, policy=policy(never_used_after=7 * HOUR))


def test_types_of_workloads_have_thresholds_of_their_own(asker: Asker) -> None:
    """A notebook at 0.1 is well used, a server may wait for a day; as training they would both be waste."""
    strict = policy()
    seen = wasted(asker, policy=strict)
    assert (seen["notebook", "low_utilization"], seen["server", "never_used"]) == (5.4, 6)
    of_servers = wasted(asker, policy=DEFAULTS | {"serving": strict["serving"]})
    assert ("server", "never_used") in of_servers
    assert ("notebook", "low_utilization") not in of_servers


def test_a_gpu_that_was_active_before_the_window_was_used(asker: Asker) -> None:
    (row,) = rows_of(asker, Window(START + 3 * HOUR, ALL.end), where=("workload==tail",))
    assert (row["class"], row["wasted_gpu_hours"]) == ("idle_tail", pytest.approx(3))
    assert (row["first_activity"], row["last_activity"]) == (None, START + 2 * HOUR)


def test_a_window_within_hours_is_answered_to_the_minute(asker: Asker) -> None:
    """The tail begins at its full hour; the window ends within one."""
    ragged = Window(START + 30 * MINUTE, START + 4 * HOUR + 15 * MINUTE)
    assert wasted(asker, ragged)["tail", "idle_tail"] == pytest.approx(2.25)


@pytest.mark.parametrize(
    "by", [("project",), ("user",), ("cluster",), ("gpu_model",), ("gpu",), ("project", "workload")]
)
def test_groups_sum_to_the_whole(asker: Asker, by: tuple[str, ...]) -> None:
    rows = rows_of(asker, by=by)
    assert sum(row["wasted_gpu_hours"] for row in rows) == pytest.approx(sum(wasted(asker).values()))
    assert set(by) < set(rows[0])


def test_the_list_can_be_cut(asker: Asker) -> None:
    assert len(rows_of(asker, limit=2)) == 2
    assert all(row["wasted_gpu_hours"] >= 4 for row in rows_of(asker, min_gpu_hours=4))
    assert {row["class"] for row in rows_of(asker, classes=("idle_tail", "oversized"))} == {"idle_tail", "oversized"}
    answer = waste(asker, WasteQuestion(Question(ALL, None, ("workload",)), limit=2))
    assert answer.warnings == ("2 of 8 rows are shown: see limit",)


def test_a_scope_hides_the_waste_of_others(engine: Engine) -> None:
    def seen(*allowed: tuple[str | None, str | None]) -> set[str]:
        asker = Asker(engine, Scope(frozenset(allowed)), ["alpha"], ALL.end)
        return {row["workload"] for row in rows_of(asker)}

    assert seen(("alpha", "b")) == {"low"}
    assert "low" not in seen((None, "a"))
    assert seen(("beta", None)) == set()
    assert seen() == set()


def test_waste_is_rated_by_the_price_of_its_time(priced: Callable[..., Asker]) -> None:
    """Two hours at 1, four at 10: a tail of four hours costs more than six hours of which a tenth was used."""
    asker = priced(
        Price(gpu_model="NVIDIA*", per_gpu_hour=1, currency="EUR", valid_until=START + 2 * HOUR),
        Price(gpu_model="NVIDIA*", per_gpu_hour=10, currency="EUR", valid_from=START + 2 * HOUR),
    )
    rows = rows_of(asker, order_by="cost")
    costs = {row["workload"]: round(row["wasted_cost"], 6) for row in rows}
    assert costs == {
        "never": 42,
        "pair": 42,
        "blind": 42,
        "tail": 40,
        "low": 37.8,
        "small": 25.2,
        "bare": 20,
        "mig": 6,
    }
    assert list(costs.values()) == sorted(costs.values(), reverse=True)
    tail = next(row for row in rows if row["workload"] == "tail")
    assert (tail["allocated_cost"], tail["unpriced_gpu_hours"], tail["currency"]) == (pytest.approx(42), 0, "EUR")
    assert [row["workload"] for row in rows_of(asker)].index("low") < [row["workload"] for row in rows].index("low")


def test_a_tail_that_is_held_without_a_process_is_paid_once(priced: Callable[..., Asker]) -> None:
    """Whatever is waste by which thresholds: at one price, cost is hours times the price."""
    asker = priced(Price(gpu_model="*", per_gpu_hour=3))
    for thresholds in (
        DEFAULTS,
        policy(),
        policy(no_process_memory_below_bytes=1e12),
        policy(idle_tail_after=5 * HOUR),
    ):
        for row in rows_of(asker, Window(START + 30 * MINUTE, ALL.end), policy=thresholds):
            assert row["wasted_cost"] == pytest.approx(3 * row["wasted_gpu_hours"])
            assert row["allocated_cost"] == pytest.approx(3 * row["allocated_gpu_hours"])


def test_waste_without_a_price_is_told_and_never_zero(priced: Callable[..., Asker]) -> None:
    question = Question(ALL, None, ("workload",), (Condition.parse("workload==never"),))
    half = waste(priced(Price(gpu_model="*", per_gpu_hour=1, valid_from=START + 4 * HOUR)), WasteQuestion(question))
    (row,) = half.rows.to_pylist()
    assert (row["wasted_cost"], row["unpriced_gpu_hours"]) == (pytest.approx(2), pytest.approx(4))
    assert half.warnings == ('no price for GPUs of model "NVIDIA H100": 4.0 GPU-hours are in no cost; set prices',)
    other = waste(priced(Price(gpu_model="A100", per_gpu_hour=1, currency="EUR")), WasteQuestion(question))
    (row,) = other.rows.to_pylist()
    assert (row["wasted_cost"], row["allocated_cost"]) == (None, None)
    assert other.currency == "EUR"
    nothing = waste(priced(), WasteQuestion(question, order_by="cost"))
    (row,) = nothing.rows.to_pylist()
    assert (row["wasted_cost"], row["unpriced_gpu_hours"], row["currency"]) == (None, pytest.approx(6), None)
    assert nothing.warnings == ("order_by = cost: there are no prices, so waste is ranked by GPU-hours; set prices",)


THRESHOLDS = st.builds(
    Thresholds,
    active_above=st.floats(0, 1),
    never_used_after=st.timedeltas(MINUTE, 8 * HOUR),
    idle_tail_after=st.timedeltas(MINUTE, 8 * HOUR),
    judged_after=st.timedeltas(MINUTE, 8 * HOUR),
    low_utilization_below=st.floats(0, 1),
    oversized_memory_below=st.floats(0, 1),
    oversized_utilization_below=st.floats(0, 1),
    no_process_after=st.timedeltas(MINUTE, 8 * HOUR),
    no_process_memory_below_bytes=st.floats(0, 1e11),
)


@hypothesis_settings(max_examples=deep(10))
@given(thresholds=THRESHOLDS, start=st.integers(0, 200), length=st.integers(20, 160))
def test_no_second_is_in_two_classes_and_none_is_busy(
    engine: Engine, thresholds: Thresholds, start: int, length: int
) -> None:
    """Whatever the thresholds and the window: idle time is in one of four classes, or else with held time in the fifth."""
    window = Window(START + start * MINUTE, START + (start + length) * MINUTE)
    asker = Asker(engine, EVERYTHING, ["alpha"], ALL.end)
    rows = ask_holdings("holdings", asker, Question(window), dict.fromkeys(WORKLOAD_TYPES, thresholds)).to_pylist()
    assert rows
    for row in rows:
        seconds = {name: row[f"{name}_seconds"] for name in CLASSES}
        assert all(value >= -1e-6 for value in seconds.values())
        assert sum(seconds.values()) <= row["idle_seconds"] + row["held_seconds"] + 1e-6
        assert sum(seconds.values()) - seconds["no_process"] <= row["idle_seconds"] + 1e-6
        assert sum(seconds[name] > 0 for name in ("never_used", "idle_tail")) <= 1
        assert sum(seconds[name] > 0 for name in ("never_used", "low_utilization", "oversized")) <= 1


def test_every_type_but_training_has_kinds() -> None:
    assert set(KINDS.values()) == set(WORKLOAD_TYPES) - {"training"}


def test_departments_waste_what_their_projects_do(engine: Engine) -> None:
    organised = copy(engine)
    organised.accounting = Accounting(departments=(Department(name="research", projects=("a",)),))
    asker = Asker(organised, EVERYTHING, ["alpha"], ALL.end + MINUTE)
    by_project = {(row["project"], row["class"]): row for row in rows_of(asker, by=("project",))}
    by_department = {(row["department"], row["class"]): row for row in rows_of(asker, by=("department",))}
    assert {name for name, _ in by_department} == {"research", None}
    for (department, each), row in by_department.items():
        project = "a" if department else "b"
        assert row["wasted_gpu_hours"] == pytest.approx(by_project[project, each]["wasted_gpu_hours"])
