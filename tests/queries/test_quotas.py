"""Quotas that the API has set, in place of those that clusters show, from the time at which they were."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from queries.accounting import Accounting
from queries.assigned import QUOTAS, Assigned
from queries.catalogue import METRICS
from queries.condition import Condition
from queries.dated import LATEST
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.window import HOUR, Window
from tests.queries.test_question import ALL, HOURS, drawn
from tests.sketch import START

SET = START + 2 * HOUR
HOSTILE = "'; drop table ledger; -- \N{SNOWMAN}"


def quota(project: str, since: datetime = SET, pool: str = "default", gpus: float | None = 6.0) -> dict[str, Any]:
    named = {"cluster": "alpha", "project": project, "node_pool": pool, "since": since, "until": LATEST}
    return named | {"gpus_quota": gpus, "cpu_quota_cores": 8.0, "memory_quota_bytes": None}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Cluster alpha shows a quota of 3 GPUs of project a."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    sketch = drawn("alpha", 4, 0.5)
    sketch.quota("a", 3.0)
    booked = sketch.book(HOURS)
    for hour in ALL.hours():
        lake.replace(hour, booked.of(hour))
    engine = Engine(lake)
    yield engine
    engine.close()


def ask(
    shown: Engine,
    *quotas: dict[str, Any],
    metric: str = "gpus_quota",
    by: tuple[str, ...] = ("project",),
    where: tuple[Condition, ...] = (),
    scope: Scope = EVERYTHING,
    window: Window = ALL,
) -> dict[Any, float]:
    """The metric by the hour since START and the group."""
    assigned = Assigned("1", quotas=pa.Table.from_pylist(list(quotas), QUOTAS))
    asker = Asker(shown.of(Accounting(assigned=assigned)), scope, ["alpha"], ALL.end)
    rows = asker.range(Question(window, HOUR, by, where), [METRICS[metric]]).rows.to_pylist()
    return {
        (int((row["time"] - START) / HOUR), *(row[name] for name in by)): row[metric]
        for row in rows
        if row[metric] is not None
    }


def test_a_quota_counts_from_when_it_was_set(shown: Engine) -> None:
    told = ask(shown, quota("a"))
    assert [told[hour, "a"] for hour in range(HOURS)] == [3, 3, 6, 6]
    assert {project for _, project in told} == {"a"}


def test_the_quotas_of_node_pools_are_summed(shown: Engine) -> None:
    quotas = (quota("a"), quota("a", pool="h100", gpus=2.0))
    assert ask(shown, *quotas)[2, "a"] == 8
    assert ask(shown, *quotas, by=())[2,] == 8
    by_pool = ask(shown, *quotas, by=("node_pool",))
    assert (by_pool[1, None], by_pool[2, "default"], by_pool[2, "h100"]) == (3, 6, 2)
    assert ask(shown, *quotas, where=(Condition("node_pool", "==", "h100"),), by=()) == {(2,): 2, (3,): 2}


def test_a_project_of_which_the_lake_shows_nothing_has_its_quota(shown: Engine) -> None:
    told = ask(shown, quota(HOSTILE), quota("a", gpus=None))
    assert told[3, HOSTILE] == 6
    assert told[3, "a"] == 3, "only its cores were set"


def test_processors_and_memory_have_quotas_where_they_were_set(shown: Engine) -> None:
    assert ask(shown, quota("a"), metric="cpu_quota_cores") == {(2, "a"): 8, (3, "a"): 8}
    assert ask(shown, quota("a"), metric="memory_quota_bytes") == {}
    assert ask(shown, metric="cpu_quota_cores") == {}


def test_a_scope_hides_the_quotas_of_others(shown: Engine) -> None:
    quotas = (quota("a"), quota("secret"))
    own = ask(shown, *quotas, scope=Scope(frozenset({("alpha", "a")})))
    assert {group for _, group in own} == {"a"}
    assert own[3, "a"] == 6
    assert ask(shown, *quotas, scope=Scope(frozenset({("alpha", "secret")})))[3, "secret"] == 6
    assert ask(shown, *quotas, scope=Scope(frozenset({("beta", None)}))) == {}


def test_the_ledger_compares_with_it(shown: Engine) -> None:
    assigned = Assigned("1", quotas=pa.Table.from_pylist([quota("a"), quota("new")], QUOTAS))
    asker = Asker(shown.of(Accounting(assigned=assigned)), EVERYTHING, ["alpha"], ALL.end)
    rows = {row["project"]: row for row in asker.ledger(Question(ALL, None, ("project",))).rows.to_pylist()}
    assert rows["a"]["quota_gpu_hours"] == 2 * 3 + 2 * 6
    assert rows["a"]["quota_used_ratio"] == pytest.approx(4 / 18)
    assert rows["new"]["quota_gpu_hours"] == 12
    assert rows["b"]["quota_used_ratio"] is None


def test_what_was_used_before_the_quota_is_not_compared_with_it(shown: Engine) -> None:
    assigned = Assigned("1", quotas=pa.Table.from_pylist([quota("b", gpus=2.0)], QUOTAS))
    asker = Asker(shown.of(Accounting(assigned=assigned)), EVERYTHING, ["alpha"], ALL.end)
    rows = {row["project"]: row for row in asker.ledger(Question(ALL, None, ("project",))).rows.to_pylist()}
    assert rows["b"]["quota_gpu_hours"] == 4
    assert rows["b"]["quota_used_ratio"] == pytest.approx(0.5)
    assert rows["b"]["allocated_gpu_hours"] == pytest.approx(HOURS)


def test_an_answer_about_the_past_stays_as_it_is(shown: Engine) -> None:
    past = Window(START, SET)
    assert ask(shown, window=past) == ask(shown, quota("a"), quota("new"), window=past)
