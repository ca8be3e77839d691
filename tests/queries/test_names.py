from collections.abc import Iterator

import pytest

from queries import names as names_of
from queries.accounting import Accounting
from queries.catalogue import DIMENSIONS
from queries.condition import Condition
from queries.departments import Department
from queries.engine import Engine
from queries.lake import Lake
from queries.names import names
from queries.question import Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.window import HOUR, Window
from tests.queries.test_question import ALL, HOURS, drawn

NEVER = Window(ALL.end, ALL.end + HOUR)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Alpha with projects a and b, of which a has a department, and c that only has a quota; beta from the second hour
    on."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    lake.create()
    alpha, beta = drawn("alpha", 4, 0.5), drawn("beta", 2, 1.0)
    alpha.quota("c", 2.0)
    for sketch, hours in ((alpha, list(ALL.hours())), (beta, list(ALL.hours())[1:])):
        booked = sketch.book(HOURS)
        for hour in hours:
            lake.replace(hour, booked.of(hour))
    engine = Engine(lake, Accounting(departments=(Department(name="research", projects=("a",)),)))
    yield engine
    engine.close()


def listed(engine: Engine, dimension: str, window: Window = ALL, scope: Scope = EVERYTHING, *where: str) -> list[str]:
    asker = Asker(engine, scope, ["alpha", "beta"], ALL.end)
    conditions = tuple(Condition.parse(text) for text in where)
    found: list[str] = names(asker, Question(window, None, (dimension,), conditions))["name"].to_pylist()
    return found


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_they_are_those_of_the_ledger_in_order(engine: Engine, dimension: str) -> None:
    asker = Asker(engine, EVERYTHING, ["alpha", "beta"], ALL.end)
    rows = asker.ledger(Question(ALL, None, (dimension,))).rows[dimension].to_pylist()
    beside = {"c"} if dimension == "project" else set()
    assert listed(engine, dimension) == sorted({name for name in rows if name} | beside)
    assert listed(engine, dimension, NEVER) == []


def test_they_are_those_of_the_time_that_is_asked_about(engine: Engine) -> None:
    assert listed(engine, "cluster", Window(ALL.start, ALL.start + HOUR)) == ["alpha"]


def test_they_are_narrowed_by_conditions(engine: Engine) -> None:
    assert listed(engine, "node", ALL, EVERYTHING, "cluster==beta") == ["beta-1"]
    assert listed(engine, "project", ALL, EVERYTHING, "department==research") == ["a"]
    assert listed(engine, "department", ALL, EVERYTHING, "project==b") == []


def test_nothing_beyond_the_scope_is_named(engine: Engine) -> None:
    assert listed(engine, "cluster", ALL, Scope(frozenset({("alpha", None)}))) == ["alpha"]
    assert listed(engine, "project", ALL, Scope(frozenset({("alpha", "a")}))) == ["a"]
    assert listed(engine, "gpu", ALL, Scope(frozenset({("alpha", "a")}))) == ["alpha-0"]


def test_they_are_no_more_than_a_client_can_show(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_of, "MOST", 2)
    assert listed(engine, "gpu") == ["alpha-0", "alpha-1"]
