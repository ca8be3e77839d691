"""What GPU-time costs, whom it is charged to, and what it emits: numbers that can be checked by hand."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.accounting import Accounting
from queries.amounts import AMOUNTS
from queries.calendar import Calendar
from queries.catalogue import DIMENSIONS, LEDGER_COLUMNS, METRICS
from queries.condition import Condition
from queries.departments import Department
from queries.engine import Engine
from queries.lake import Lake
from queries.prices import Price
from queries.question import Answer, Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.window import HOUR, Window, format_time
from tests.depth import deep
from tests.queries.test_question import ALL, HOURS, MINUTE, drawn
from tests.sketch import START, Sketch

HOSTILE = "B200\r\nSet-Cookie: a=b \N{PILE OF POO}" + "x" * 200

H100 = Price(gpu_model="NVIDIA H100*", per_gpu_hour=2.0, currency="EUR")
LATER = format_time(START + 2 * HOUR)

AskWith = Callable[..., Answer]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """For four hours: alpha with four GPUs, of which project a half uses one, b holds one, and two are free; beta with
    two, of other models, of which a uses one fully and b holds the other. A quota of alpha for a is 2, for c 3 GPUs."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    alpha, beta = drawn("alpha", 4, 0.5), drawn("beta", 2, 1.0)
    for row in beta.rows["gpu_series"]:
        row["gpu_model"] = HOSTILE if row["pod"] == "pb" else "NVIDIA A100"
    for project, gpus in (("a", 2.0), ("c", 3.0)):
        quota = {"metric": "gpus_quota", "kind": "project", "project": project, "exporter": "kube_state", "part": ""}
        alpha._series(gpus, "entity_series", quota)
    for sketch in (alpha, beta):
        booked = sketch.book(HOURS)
        for hour in ALL.hours():
            lake.replace(hour, booked.of(hour))
    return lake


@pytest.fixture(scope="module")
def ask(lake: Lake) -> Iterator[AskWith]:
    engines = []

    def ask_with(
        question: Question,
        *prices: Price,
        departments: tuple[Department, ...] = (),
        intensities: dict[str, float] | None = None,
        scope: Scope = EVERYTHING,
    ) -> Answer:
        engines.append(Engine(lake, Accounting(prices, departments, intensities)))
        return Asker(engines[-1], scope, ["alpha", "beta"], ALL.end + MINUTE).ledger(question)

    yield ask_with
    for engine in engines:
        engine.close()


def where(*conditions: str, **question: Any) -> Question:
    return Question(ALL, where=tuple(Condition.parse(condition) for condition in conditions), **question)


ALPHA = where("cluster==alpha")


def only(answer: Answer) -> dict[str, Any]:
    (row,) = answer.rows.to_pylist()
    return dict(row)


def test_hours_stand_beside_the_seconds(ask: AskWith) -> None:
    row = only(ask(ALPHA))
    assert row["capacity_gpu_hours"] == 16
    assert row["busy_gpu_hours"] == pytest.approx(2)
    assert row["idle_gpu_hours"] == pytest.approx(6)
    assert row["free_gpu_hours"] == 8
    assert row["allocated_gpu_hours"] == pytest.approx(8)
    assert row["wasted_gpu_hours"] == pytest.approx(6)


def test_hours_are_rated_by_the_price_of_their_model(ask: AskWith) -> None:
    row = only(ask(ALPHA, H100))
    assert row["capacity_cost"] == pytest.approx(16 * 2)
    assert row["allocated_cost"] == pytest.approx(8 * 2)
    assert row["wasted_cost"] == row["idle_cost"] == pytest.approx(6 * 2)
    assert row["held_cost"] == 0
    assert row["currency"] == "EUR"
    assert row["unpriced_gpu_hours"] == 0


@pytest.mark.parametrize("step", [None, 4 * HOUR, 24 * HOUR, Calendar(1, "month", ZoneInfo("Europe/Berlin"))])
def test_a_price_that_changes_within_a_bucket_is_rated_on_both_sides(ask: AskWith, step: Any) -> None:
    """Two hours of four GPUs at 2, two at 3."""
    dearer = Price(gpu_model=H100.gpu_model, per_gpu_hour=3.0, valid_from=START + 2 * HOUR)
    row = only(ask(where("cluster==alpha", step=step), H100, dearer))
    assert row["capacity_cost"] == pytest.approx(8 * 2 + 8 * 3)
    assert row["idle_cost"] == pytest.approx(3 * 2 + 3 * 3)


def test_samples_are_rated_as_hours_are(ask: AskWith) -> None:
    """From half past one to half past two, of four GPUs: two GPU-hours at 2, two at 3."""
    dearer = Price(gpu_model=H100.gpu_model, per_gpu_hour=3.0, valid_from=START + 2 * HOUR)
    ragged = Window(START + 90 * MINUTE, START + 150 * MINUTE)
    assert only(ask(Question(ragged, where=ALPHA.where), H100, dearer))["capacity_cost"] == pytest.approx(10)


def test_a_price_of_another_day_rates_nothing(ask: AskWith) -> None:
    answer = ask(ALPHA, Price(gpu_model="*", per_gpu_hour=2, valid_until=START))
    assert only(answer)["capacity_cost"] is None
    assert only(answer)["unpriced_gpu_hours"] == 16


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        ([Price(gpu_model="*", per_gpu_hour=1)], 16),
        ([H100, Price(gpu_model="*", per_gpu_hour=1)], 32),
        ([Price(gpu_model="*", per_gpu_hour=1), H100], 16),
        ([H100, Price(gpu_model="*", per_gpu_hour=5, cluster="alpha")], 80),
        ([H100, Price(gpu_model="*", per_gpu_hour=5, cluster="beta")], 32),
        ([Price(gpu_model="NVIDIA H100", per_gpu_hour=0)], 0),
    ],
)
def test_the_first_pattern_counts_and_those_of_the_own_cluster_before_all(
    ask: AskWith, prices: list[Price], cost: float
) -> None:
    assert only(ask(ALPHA, *prices))["capacity_cost"] == pytest.approx(cost)


def test_without_a_price_list_costs_are_null_and_nobody_is_bothered(ask: AskWith) -> None:
    answer = ask(ALPHA)
    assert {only(answer)[f"{name}_cost"] for name in [amount.name for amount in AMOUNTS]} == {None}
    assert only(answer)["currency"] is None
    assert answer.warnings == ()


def test_what_has_no_price_is_null_and_named_and_never_zero(ask: AskWith) -> None:
    answer = ask(where(by=("gpu_model",)), H100)
    costs = {row["gpu_model"]: row["allocated_cost"] for row in answer.rows.to_pylist()}
    assert costs == {"NVIDIA A100": None, HOSTILE: None, "NVIDIA H100": pytest.approx(16)}
    assert answer.warnings[1] == 'no price for GPUs of model "NVIDIA A100": 4.0 GPU-hours are in no cost; set prices'
    assert answer.warnings[0].startswith(r'no price for GPUs of model "B200\r\nSet-Cookie: a=b \ud83d\udca9xxx')
    assert all(warning.isascii() and warning.isprintable() and len(warning) < 200 for warning in answer.warnings)


def test_a_sum_has_what_is_priced_and_says_how_much_is_not(ask: AskWith) -> None:
    """Of beta, a's A100 has a price and works; b's GPU has none and is idle: its cost is not the A100's zero."""
    row = only(ask(where("cluster==beta"), Price(gpu_model="NVIDIA A100", per_gpu_hour=1.5)))
    assert row["busy_cost"] == row["capacity_cost"] == pytest.approx(6)
    assert row["idle_gpu_hours"] == 4
    assert row["idle_cost"] is None
    assert row["free_cost"] == 0
    assert row["unpriced_gpu_hours"] == 4


def test_a_reorganisation_does_not_rewrite_history(ask: AskWith) -> None:
    """Project a (one GPU in each cluster) belongs to research for one hour, then to products; b to nobody."""
    before = Department(name="research", projects=("a", "c*"))
    after = Department(name="products", projects=("a",), valid_from=START + HOUR)
    answer = ask(where(by=("department",)), H100, departments=(before, after))
    hours = {row["department"]: row["allocated_gpu_hours"] for row in answer.rows.to_pylist()}
    assert hours == {"research": pytest.approx(2), "products": pytest.approx(6), None: pytest.approx(8)}
    costs = {row["department"]: row["busy_cost"] for row in answer.rows.to_pylist()}
    assert costs["research"] == pytest.approx(0.5 * 2)
    assert costs["products"] == pytest.approx(1.5 * 2)
    by_hour = ask(where("department==research", step=HOUR), departments=(before, after)).rows.to_pylist()
    assert [row["time"] for row in by_hour] == [START]
    assert answer.coverage == 1


def test_departments_are_a_dimension_of_metrics_too(lake: Lake) -> None:
    departments = (Department(name="all", projects=("*",)),)
    asker = Asker(Engine(lake, Accounting(departments=departments)), EVERYTHING, [], ALL.end)
    question = where("department==all", by=("department",), step=4 * HOUR)
    row = only(asker.range(question, [METRICS["gpus_busy"], METRICS["gpus_quota"]], "mean"))
    assert row["department"] == "all"
    assert row["gpus_busy"] == pytest.approx(1.5)
    assert row["gpus_quota"] == pytest.approx(5)
    asker.engine.close()


def test_departments_that_nobody_set_are_told(ask: AskWith) -> None:
    answer = ask(where(by=("department",)))
    assert answer.rows["department"].to_pylist() == [None]
    assert answer.warnings == ("department: there are none; set departments, with their projects",)


def test_a_scope_hides_departments_and_costs_of_others(ask: AskWith) -> None:
    departments = (Department(name="A", projects=("a",)), Department(name="B", projects=("b", "c")))
    scope = Scope(frozenset({("alpha", "a")}))
    every = Price(gpu_model="*", per_gpu_hour=1)
    answer = ask(where(by=("department", "project")), every, departments=departments, scope=scope)
    assert [(row["department"], row["allocated_cost"]) for row in answer.rows.to_pylist()] == [("A", 4)]
    unpriced = Price(gpu_model="none", per_gpu_hour=1)
    (warning,) = ask(where(by=("department",)), unpriced, departments=departments, scope=scope).warnings
    assert "NVIDIA H100" in warning


def test_energy_and_carbon_are_those_of_the_cluster(ask: AskWith) -> None:
    """One GPU of 300 W in each cluster, four hours: 1.2 kWh each; a kWh is 400 g in alpha."""
    answer = ask(where(by=("cluster",)), intensities={"alpha": 400.0})
    alpha, beta = answer.rows.to_pylist()
    assert alpha["energy_kwh"] == beta["energy_kwh"] == pytest.approx(1.2)
    assert alpha["energy_joules"] == pytest.approx(300 * 3600 * HOURS)
    assert alpha["carbon_grams_co2e"] == pytest.approx(480)
    assert beta["carbon_grams_co2e"] is None
    assert answer.warnings == ("cluster beta: 1.2 kWh are in no carbon; set clusters.carbon_intensity",)
    assert ask(ALPHA, intensities={"alpha": 400.0}).warnings == ()


def test_the_energy_of_a_gpu_that_is_cut_is_counted_once(tmp_path: Path) -> None:
    """Two instances of one GPU, each of which shows the 700 W of the whole: 3 sevenths, 2 sevenths, and what is not cut."""
    sketch = Sketch()
    for number, profile in (("1", "3g.40gb"), ("2", "2g.20gb")):
        sketch.gpu("GPU-a", "n1", 0.5, instance=number, profile=profile)
        sketch.gpu("GPU-a", "n1", 700.0, "DCGM_FI_DEV_POWER_USAGE", instance=number, profile=profile)
    lake = Lake(str(tmp_path))
    lake.create()
    lake.replace(Window.hour_of(START), sketch.book().of(Window.hour_of(START)))
    asker = Asker(Engine(lake, Accounting((H100,))), EVERYTHING, [], START + HOUR)
    rows = asker.ledger(Question(Window.hour_of(START), by=("gpu",))).rows.to_pylist()
    assert sorted(row["energy_kwh"] for row in rows) == [pytest.approx(0.7 * part / 7) for part in (2, 2, 3)]
    assert sorted(row["capacity_cost"] for row in rows) == [pytest.approx(2.0 * part / 7) for part in (2, 2, 3)]
    asker.engine.close()


def test_quotas_stand_beside_what_projects_used(ask: AskWith) -> None:
    """Of alpha, a may have two GPUs and had one for four hours; c may have three and had none; b has no quota."""
    rows = ask(where("cluster==alpha", by=("project",))).rows.to_pylist()
    assert [(row["project"], row["quota_gpu_hours"], row["quota_used_ratio"]) for row in rows] == [
        ("a", 8, pytest.approx(0.5)),
        ("b", None, None),
        ("c", 12, 0),
        (None, None, None),
    ]
    assert [row["capacity_seconds"] for row in rows] == [HOURS * 3600, HOURS * 3600, 0, 2 * HOURS * 3600]


def test_a_quota_is_compared_with_the_use_of_its_own_cluster(ask: AskWith) -> None:
    """Of beta, which gives a no quota, a had four GPU-hours more."""
    first, *_ = ask(where(by=("project",))).rows.to_pylist()
    assert (first["project"], first["allocated_gpu_hours"]) == ("a", pytest.approx(8))
    assert (first["quota_gpu_hours"], first["quota_used_ratio"]) == (8, pytest.approx(0.5))


@pytest.mark.parametrize("question", [where(), where(by=("cluster",)), where("user==ada", by=("project",))])
def test_quotas_are_told_of_projects_alone(ask: AskWith, question: Question) -> None:
    """Not where they would stand beside GPU-time of projects without one, or beside a part of a project's."""
    rows = ask(question).rows.to_pylist()
    assert {row["quota_gpu_hours"] for row in rows} == {None}


PATTERNS = ("*", "NVIDIA*", "NVIDIA H100", "NVIDIA A100", "B200*", "none")
STARTS = st.sampled_from([None, *(START + number * HOUR for number in range(HOURS))])


@st.composite
def price_lists(draw: st.DrawFn) -> tuple[Price, ...]:
    keys = draw(st.lists(st.tuples(st.sampled_from(PATTERNS), STARTS), min_size=1, max_size=6, unique=True))
    return tuple(
        Price(gpu_model=pattern, valid_from=start, per_gpu_hour=draw(st.integers(0, 9))) for pattern, start in keys
    )


@settings(max_examples=deep(10))
@given(price_lists(), st.sampled_from([*DIMENSIONS]), st.sampled_from([None, HOUR, 3 * HOUR]))
def test_costs_of_any_groups_sum_to_the_total(
    ask: AskWith, prices: tuple[Price, ...], dimension: str, step: timedelta | None
) -> None:
    departments = (
        Department(name="A", projects=("a",), valid_from=START + HOUR),
        Department(name="B", projects=("*",)),
    )
    total = only(ask(where(), *prices))
    groups = ask(where(by=(dimension,), step=step), *prices, departments=departments).rows
    for name in [amount.name for amount in AMOUNTS]:
        assert pc.sum(groups[f"{name}_gpu_hours"]).as_py() == pytest.approx(total[f"{name}_gpu_hours"])
        assert (pc.sum(groups[f"{name}_cost"]).as_py() or 0) == pytest.approx(total[f"{name}_cost"] or 0)
    assert pc.sum(groups["unpriced_gpu_hours"]).as_py() == pytest.approx(total["unpriced_gpu_hours"])
    columns = [total[f"{column}_cost"] or 0 for column in LEDGER_COLUMNS]
    assert sum(columns) == pytest.approx(total["capacity_cost"] or 0)
