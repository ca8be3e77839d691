from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

import pyarrow as pa
import pytest

from queries.catalogue import METRICS
from queries.condition import Condition
from queries.datasets import WORKLOADS
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.window import HOUR, Window
from queries.workload_usage import Order, OrderBy, UsageQuestion, Workload, life, workload_series, workload_usage
from tests.queries.test_question import ALL, drawn
from tests.queries.test_queue_waits import change
from tests.sketch import START

MINUTE = timedelta(minutes=1)
PA = Workload("alpha", "Pod", "pa", "team")
PB = Workload("alpha", "Pod", "pb", "team")


def changed(name: str, kind: str, project: str, state: str, time: datetime, **known: Any) -> dict[str, Any]:
    return change(name, project, state, time) | {"workload_kind": kind, **known}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Of alpha: pa works at 0.5 on one GPU for four hours and its changes were told, pb holds one in vain; `waits` never
    ran; `once` ran twice, long ago and, until its end, in the second hour."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    booked = drawn("alpha", 4, 0.5).book(4)
    for hour in ALL.hours():
        lake.replace(hour, booked.of(hour))
    since = START - 10 * MINUTE
    rows = [
        changed("pa", "Pod", "a", "submitted", since, requested_gpus=1.0),
        changed("pa", "Pod", "a", "pending", since, requested_gpus=1.0),
        changed("pa", "Pod", "a", "running", START, requested_gpus=1.0, queue_seconds=600.0),
        changed("waits", "Job", "b", "submitted", START - 5 * HOUR, requested_gpus=8.0),
        changed("waits", "Job", "b", "pending", START - 5 * HOUR, requested_gpus=8.0),
        changed("old", "Job", "a", "running", START - 5 * HOUR),
        changed("old", "Job", "a", "ended", START - 4 * HOUR, reason="Completed"),
        changed("once", "Job", "a", "submitted", START - 9 * HOUR),
        changed("once", "Job", "a", "running", START - 9 * HOUR, queue_seconds=0.0),
        changed("once", "Job", "a", "ended", START - 8 * HOUR, reason="OOMKilled"),
        changed("once", "Job", "a", "submitted", START),
        changed("once", "Job", "a", "pending", START),
        changed("once", "Job", "a", "running", START + HOUR, queue_seconds=3600.0),
        changed("once", "Job", "a", "ended", START + 2 * HOUR, reason="Completed"),
    ]
    lake.workloads.append(pa.Table.from_pylist(rows, schema=WORKLOADS.schema))
    engine = Engine(lake)
    yield engine
    engine.close()


@pytest.fixture
def asker(engine: Engine) -> Asker:
    return Asker(engine, EVERYTHING, ["alpha"], ALL.end + MINUTE)


def used(asker: Asker, window: Window = ALL, where: tuple[str, ...] = (), **asked: Any) -> dict[str, dict[str, Any]]:
    """By the workload's name, in the order of the answer."""
    question = Question(window, None, (), tuple(Condition.parse(text) for text in where))
    return {row["workload"]: row for row in workload_usage(asker, UsageQuestion(question, **asked)).rows.to_pylist()}


def test_a_workload_has_its_hours_by_column_and_what_it_took(asker: Asker) -> None:
    row = used(asker)["pa"]
    assert [row[f"{column}_gpu_hours"] for column in ("allocated", "busy", "idle", "held", "unavailable")] == [
        4,
        2,
        2,
        0,
        0,
    ]
    assert (row["gpu_utilization_ratio"], row["efficiency_ratio"], row["waste_class"]) == (0.5, 1, None)
    assert row["energy_joules"] == pytest.approx(300 * 4 * 3600)
    assert (row["gpu_power_watts"], row["gpus"], row["pods"]) == (300, 1, 1)
    assert (row["project"], row["user"], row["namespace"], row["workload_type"]) == ("a", "ada", "team", "training")


def test_a_workload_has_its_waste(asker: Asker) -> None:
    row = used(asker)["pb"]
    assert (row["wasted_gpu_hours"], row["waste_class"], row["efficiency_ratio"]) == (4, "never_used", 0)


def test_a_workload_has_its_states_with_their_times(asker: Asker) -> None:
    found = used(asker)
    pa = found["pa"]
    assert (pa["state"], pa["submitted_at"], pa["started_at"]) == ("running", START - 10 * MINUTE, START)
    assert (pa["ended_at"], pa["queue_seconds"], pa["requested_gpus"], pa["starts"]) == (None, 600, 1, 1)
    once = found["once"]
    assert (once["state"], once["ended_at"], once["end_reason"]) == ("ended", START + 2 * HOUR, "Completed")
    assert (once["submitted_at"], once["started_at"], once["starts"]) == (START, START + HOUR, 2)
    assert found["pb"]["state"] is None


def test_states_are_those_at_the_end_of_the_window(asker: Asker) -> None:
    """In the first half hour `once` was waiting again: how its first life ended is not told of its second."""
    once = used(asker, Window(START, START + HOUR / 2))["once"]
    assert (once["state"], once["submitted_at"]) == ("pending", START)
    assert (once["started_at"], once["ended_at"], once["end_reason"], once["queue_seconds"]) == (None, None, None, None)


def test_what_waits_is_listed_and_what_ended_before_is_not(asker: Asker) -> None:
    found = used(asker)
    assert list(found) == ["pa", "pb", "once", "waits"]
    waits = found["waits"]
    assert (waits["allocated_gpu_hours"], waits["state"], waits["requested_gpus"]) == (0, "pending", 8)
    assert (waits["project"], waits["efficiency_ratio"], waits["gpu_utilization_ratio"]) == ("b", None, None)


def test_conditions_on_gpus_leave_out_what_has_none(asker: Asker) -> None:
    assert list(used(asker, where=("project==b",))) == ["pb", "waits"]
    assert list(used(asker, where=("gpu==alpha-1",))) == ["pb"]


def test_the_list_comes_in_pages_and_orders(asker: Asker) -> None:
    assert list(used(asker, order_by="wasted_gpu_hours", limit=1)) == ["pb"]
    assert list(used(asker, order_by="gpu_utilization_ratio", order="asc"))[:2] == ["pb", "pa"]
    assert list(used(asker, limit=2, offset=1)) == ["pb", "once"]
    answer = workload_usage(asker, UsageQuestion(Question(ALL), limit=2))
    assert answer.warnings == ("2 of 4 rows are shown: see limit",)


@pytest.mark.parametrize("order_by", get_args(OrderBy))
@pytest.mark.parametrize("order", get_args(Order))
def test_pages_are_parts_of_the_whole_list(asker: Asker, order_by: OrderBy, order: Order) -> None:
    """Also where the page is found before its workloads are judged."""
    asked = UsageQuestion(Question(ALL), order_by=order_by, order=order)
    whole = workload_usage(asker, asked).rows
    assert len(whole) == 4
    for offset in range(4):
        part = workload_usage(asker, replace(asked, limit=1, offset=offset))
        assert part.rows.equals(whole.slice(offset, 1))
        assert part.warnings == ("1 of 4 rows are shown: see limit",)
    named = replace(asked, chosen=(PA, PB))
    first = workload_usage(asker, replace(named, limit=1)).rows
    assert first.equals(workload_usage(asker, named).rows.slice(0, 1))


def test_many_can_be_asked_for_by_name(asker: Asker) -> None:
    nowhere = Workload("alpha", "Job", "nowhere", "team")
    answer = workload_usage(asker, UsageQuestion(Question(ALL), (PA, PB, PA, nowhere)))
    assert answer.rows["workload"].to_pylist() == ["pa", "pb"]
    assert answer.warnings == ("1 of 3 workloads are left out: they held no GPUs and did not change in this time",)
    assert answer.rows.equals(workload_usage(asker, UsageQuestion(Question(ALL), limit=2)).rows)


def test_a_scope_hides_the_usage_and_the_states_of_others(engine: Engine) -> None:
    def seen(allowed: tuple[str | None, str | None], **asked: Any) -> set[str]:
        return set(used(Asker(engine, Scope(frozenset({allowed})), ["alpha"], ALL.end), **asked))

    assert seen(("alpha", "b")) == {"pb", "waits"}
    assert seen(("alpha", "b"), chosen=[PA, PB]) == {"pb"}
    assert seen(("beta", None)) == set()


def test_the_life_of_a_workload_is_its_last_one(asker: Asker) -> None:
    """Where no states were told, it is as long as GPUs were held."""
    assert life(asker, Workload("alpha", "Job", "once", "team")) == Window(START + HOUR, START + 2 * HOUR)
    assert life(asker, PA) == ALL
    assert life(asker, PB) == ALL
    assert life(asker, Workload("alpha", "Job", "waits", "team")) is None
    assert life(asker, Workload("alpha", "Job", "nowhere", "team")) is None


def test_a_workload_over_time_is_told_by_pod_and_gpu(asker: Asker) -> None:
    metrics = [METRICS[name] for name in ("gpu_utilization_ratio", "gpu_power_watts")]
    rows = workload_series(asker, Question(ALL, 2 * HOUR), PA, ("pod", "gpu"), metrics).rows.to_pylist()
    assert [(row["time"], row["pod"], row["gpu"]) for row in rows] == [
        (START, "pa", "alpha-0"),
        (START + 2 * HOUR, "pa", "alpha-0"),
    ]
    assert [(row["gpu_utilization_ratio"], row["gpu_power_watts"]) for row in rows] == [(0.5, 300)] * 2
    assert sum(row["allocated_gpu_hours"] for row in rows) == 4
    fine = workload_series(asker, Question(Window(START, START + HOUR), MINUTE), PA, ("node",), metrics).rows
    assert (len(fine), set(fine["node"].to_pylist())) == (60, {"alpha-1"})


def test_a_scope_hides_the_series_of_others(engine: Engine) -> None:
    asker = Asker(engine, Scope(frozenset({("alpha", "b")})), ["alpha"], ALL.end)
    question = Question(ALL, HOUR)
    metrics = [METRICS["gpu_utilization_ratio"]]
    assert len(workload_series(asker, question, PB, ("pod",), metrics).rows) == 4
    assert len(workload_series(asker, question, PA, ("pod",), metrics).rows) == 0
    assert life(asker, PA) is None
