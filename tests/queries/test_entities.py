from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from queries.accounting import Accounting
from queries.engine import Engine
from queries.entities import Entities, Entity, first_digits, is_id
from queries.ids import CLUSTER, DEPARTMENT, NODE, NODE_POOL, POD, PROJECT, WORKLOAD, Kind
from queries.lake import Lake
from queries.question import Asker
from queries.scope import EVERYTHING, Scope
from tests.live import DAY, NOW, alpha, departments, fill

NAMED: list[tuple[Kind, tuple[str, ...]]] = [
    (CLUSTER, ("beta",)),
    (NODE_POOL, ("alpha", "a100_80gb")),
    (NODE, ("beta", "beta-1")),
    (DEPARTMENT, ("alpha", "research")),
    (PROJECT, ("alpha", "b")),
    (WORKLOAD, ("alpha", "team", "Job", "train")),
    (WORKLOAD, ("alpha", "team", "Job", "waits")),
    (POD, ("alpha", "team", "note-0")),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    fill(folder)
    return folder


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    engine = Engine(Lake(str(folder)), Accounting((), departments(), {}))
    yield engine
    engine.close()


def asker(engine: Engine, scope: Scope = EVERYTHING) -> Asker:
    return Asker(engine, scope, ["alpha", "beta"], NOW)


@pytest.mark.parametrize(("kind", "names"), NAMED, ids=lambda each: str(each)[:40])
def test_an_id_stands_for_its_names(kind: Kind, names: tuple[str, ...], engine: Engine) -> None:
    identifier = kind.id(*names)
    found = Entities().find(asker(engine), kind, identifier)
    assert found == Entity(kind.name, identifier, tuple(zip(kind.names, names, strict=True)))
    assert found.cluster == names[0]


@pytest.mark.parametrize(("kind", "names"), NAMED, ids=lambda each: str(each)[:40])
def test_an_id_of_another_kind_or_name_stands_for_nothing(kind: Kind, names: tuple[str, ...], engine: Engine) -> None:
    entities = Entities()
    assert entities.find(asker(engine), kind, kind.id(*names[:-1], names[-1] + "x")) is None
    assert entities.find(asker(engine), NODE if kind is not NODE else POD, kind.id(*names)) is None


SEEN: list[tuple[tuple[str | None, str | None], set[str]]] = [
    (("alpha", "a"), {"WORKLOAD train", "NODE_POOL a100_80gb"}),
    (("alpha", "b"), {"PROJECT b", "WORKLOAD waits", "POD note-0", "NODE_POOL a100_80gb"}),
    (("beta", None), {"NODE beta-1"}),
    (
        (None, None),
        {"NODE beta-1", "PROJECT b", "WORKLOAD train", "WORKLOAD waits", "POD note-0", "NODE_POOL a100_80gb"},
    ),
]


@pytest.mark.parametrize(("allowed", "seen"), SEEN, ids=[str(allowed) for allowed, _ in SEEN])
def test_what_may_not_be_seen_is_not_found(
    allowed: tuple[str | None, str | None], seen: set[str], engine: Engine
) -> None:
    entities, scoped = Entities(), asker(engine, Scope(frozenset({allowed})))
    found = {
        f"{kind.name.upper()} {names[-1]}"
        for kind, names in NAMED
        if kind not in (CLUSTER, DEPARTMENT) and entities.find(scoped, kind, kind.id(*names))
    }
    assert found == seen


def test_the_same_entities_answer_whoever_asks_by_their_own_scope(engine: Engine) -> None:
    entities = Entities()
    identifier = PROJECT.id("alpha", "b")
    assert entities.find(asker(engine), PROJECT, identifier)
    assert not entities.find(asker(engine, Scope(frozenset({("alpha", "a")}))), PROJECT, identifier)


@pytest.mark.parametrize("name", ["a100_80gb", "a100-80gb"])
def test_a_node_pool_is_found_by_name_with_dashes_for_underscores(name: str, engine: Engine) -> None:
    found = Entities().find_node_pool(asker(engine), "alpha", name)
    assert found
    assert found.name("node_pool") == "a100_80gb"
    assert Entities().find_node_pool(asker(engine), "beta", name) is None
    assert Entities().find_node_pool(asker(engine, Scope(frozenset({("alpha", "c")}))), "alpha", name) is None


def test_a_file_is_indexed_once_and_forgotten_with_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create()
    booked, hours = alpha().book(4, as_of=NOW), list(DAY.hours())
    lake.replace(hours[0], booked.of(hours[0]))
    engine, entities, asked = Engine(lake), Entities(), []
    ask = engine.ask_files

    def counted(*arguments: Any, **named: Any) -> pa.Table:
        asked.append(arguments[2])
        return ask(*arguments, **named)

    monkeypatch.setattr(engine, "ask_files", counted)
    for _ in range(3):
        assert entities.find(asker(engine), NODE, NODE.id("alpha", "nowhere")) is None
    first = len(asked)
    lake.replace(hours[1], booked.of(hours[1]))
    assert entities.find(asker(engine), NODE, NODE.id("alpha", "nowhere")) is None
    assert len(asked) == 2 * first
    lake.replace(hours[1], booked.of(hours[1]))
    entities.find(asker(engine), NODE, NODE.id("alpha", "nowhere"))
    assert len(entities._indexed) == len(lake.snapshot().paths("hour", DAY))
    engine.close()


def test_digests_are_sorted_with_the_rows_that_they_are_of() -> None:
    digests = pa.array(["f" * 32, None, "0" * 16 + "f" * 16, "8" + "0" * 31])
    numbers, rows = first_digits(digests)
    assert numbers.tolist() == [0, 2**63, 2**64 - 1]
    assert rows.tolist() == [2, 3, 0]
    nothing, none = first_digits(pa.array([None], pa.string()))
    assert (len(nothing), len(none)) == (0, 0)
    assert numbers.dtype == np.uint64


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (NODE.id("a", "b"), True),
        ("", False),
        ("g" * 32, False),
        ("0" * 33, False),
        ("٣" * 32, False),
        ("F" * 32, False),
    ],
)
def test_only_the_shape_of_an_id_is_looked_for(text: str, is_one: bool) -> None:
    assert is_id(text) is is_one
