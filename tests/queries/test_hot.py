import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from queries.catalogue import METRICS
from queries.condition import Condition
from queries.engine import Engine
from queries.hot import stretches
from queries.lake import Lake
from queries.lake_error import LakeError
from queries.question import Asker, Question
from queries.scope import EVERYTHING, Scope
from queries.snapshot import Snapshot
from queries.window import HOUR, Window
from queries.workload_usage import UsageQuestion, workload_usage
from tests.depth import deep
from tests.queries.measured import ALL, fill
from tests.queries.test_question import ALL as SHORT
from tests.queries.test_question import HOURS, drawn

PLENTY = 1_000_000_000
MINUTE = timedelta(minutes=1)
STEPS = (None, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR)
DIMENSIONS = ("cluster", "node_pool", "node", "gpu", "gpu_model", "project", "user", "workload")
WHERE = ("project==a", "cluster!=beta", "workload=@p", "gpu=$1")
SCOPES = (EVERYTHING, Scope(frozenset({("alpha", None), ("beta", "b")})))
STATISTICS = {"gpu_utilization_ratio": ("mean", "min", "max", "p50", "p95"), "gpus_allocated": ("mean", "sum")}


@pytest.fixture(scope="module")
def both(kept: Engine) -> Iterator[tuple[Engine, Engine]]:
    """Two engines of one lake: the first reads files, the other holds everything that is worth it."""
    held = Engine(kept.lake, hot_bytes=PLENTY)
    assert held.hot.refresh(kept.lake.snapshot())
    yield kept, held
    held.close()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path))
    lake.create()
    collect(lake, drawn("alpha", 4, 0.5))
    return lake


def collect(lake: Lake, sketch: object) -> None:
    booked = sketch.book(HOURS)  # type: ignore[attr-defined]
    for hour in SHORT.hours():
        lake.replace(hour, booked.of(hour))


def asked_of(engine: Engine, scope: Scope = EVERYTHING) -> Asker:
    return Asker(engine, scope, ["alpha", "beta"], ALL.end)


def check_alike(one: pa.Table, other: pa.Table) -> None:
    """Two answers say the same; sums may differ in their last bits."""
    assert one.schema == other.schema
    pd.testing.assert_frame_equal(one.to_pandas(), other.to_pandas(), rtol=1e-9, atol=1e-6)


@hypothesis_settings(max_examples=deep(12))
@given(
    start=st.integers(0, 30 * 60),
    length=st.integers(15, 36 * 60),
    step=st.sampled_from(STEPS),
    by=st.sets(st.sampled_from(DIMENSIONS), max_size=2),
    where=st.sets(st.sampled_from(WHERE), max_size=1),
    scope=st.sampled_from(SCOPES),
    metric=st.sampled_from(sorted(STATISTICS)),
    over_time=st.booleans(),
    dice=st.randoms(use_true_random=False),
)
def test_what_is_held_answers_as_the_files_do(
    both: tuple[Engine, Engine],
    start: int,
    length: int,
    step: timedelta | None,
    by: set[str],
    where: set[str],
    scope: Scope,
    metric: str,
    over_time: bool,
    dice: random.Random,
) -> None:
    window = Window(ALL.start + start * MINUTE, min(ALL.end, ALL.start + (start + length) * MINUTE))
    question = Question(window, step, tuple(sorted(by)), tuple(Condition.parse(text) for text in sorted(where)))
    statistic = dice.choice(STATISTICS[metric])
    slot = 15 * MINUTE if over_time and step and statistic != "sum" else None
    files, held = (asked_of(engine, scope) for engine in both)
    ranges = [each.range(question, [METRICS[metric]], statistic, slot) for each in (files, held)]
    check_alike(ranges[0].rows, ranges[1].rows)
    assert ranges[0].coverage == pytest.approx(ranges[1].coverage)
    assert ranges[0].warnings == ranges[1].warnings
    check_alike(files.ledger(question).rows, held.ledger(question).rows)


def test_workloads_and_their_waste_are_the_same_from_memory(both: tuple[Engine, Engine]) -> None:
    files, held = (workload_usage(asked_of(engine), UsageQuestion(Question(ALL))).rows for engine in both)
    assert len(files)
    check_alike(files, held)


def test_whole_months_days_and_open_hours_are_held_and_nothing_twice(both: tuple[Engine, Engine]) -> None:
    snapshot = both[1].snapshot()
    for layer in ("hour", "raw"):
        windows = sorted(segment.part.window for segment in snapshot.segments if segment.part.layer == layer)
        assert all(one.end <= other.start for one, other in itertools.pairwise(windows))
        assert windows[-1] == Window(ALL.end - 2 * HOUR, ALL.end)
    assert min(segment.part.window for segment in snapshot.segments).start.day == 1


def test_held_segments_are_read_and_no_file(both: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    asker = asked_of(both[1])
    monkeypatch.setattr(Snapshot, "_of", None)
    (row,) = asker.ledger(Question(ALL)).rows.to_pylist()
    assert row["capacity_seconds"] > 0
    assert asker.range(Question(Window(ALL.end - 20 * HOUR, ALL.end), 15 * MINUTE), [METRICS["gpus_allocated"]]).rows


def test_a_new_version_is_answered_before_it_is_held(lake: Lake) -> None:
    engine = Engine(lake, hot_bytes=PLENTY)
    engine.hot.refresh(lake.snapshot())
    collect(lake, drawn("beta", 2, 1.0))
    (before,) = Asker(engine, EVERYTHING, [], SHORT.end).ledger(Question(SHORT)).rows.to_pylist()
    assert before["capacity_seconds"] == 6 * HOURS * 3600
    assert not engine.snapshot().segments
    engine.hot._rested.clear()
    assert engine.hot.refresh(lake.snapshot())
    assert engine.snapshot().segments
    (after,) = Asker(engine, EVERYTHING, [], SHORT.end).ledger(Question(SHORT)).rows.to_pylist()
    assert after == before
    engine.close()


def test_a_segment_that_was_just_made_rests(lake: Lake) -> None:
    engine = Engine(lake, hot_bytes=PLENTY)
    engine.hot.refresh(lake.snapshot())
    engine.hot._rested = {part: rested + 100 for part, rested in engine.hot._rested.items()}
    held = engine.hot.segments
    collect(lake, drawn("beta", 2, 1.0))
    assert not engine.hot.refresh(lake.snapshot())
    assert engine.hot.segments == held
    engine.close()


def test_a_replaced_segment_is_removed_when_its_last_reader_is_done(lake: Lake) -> None:
    engine = Engine(lake, hot_bytes=PLENTY)
    engine.hot.refresh(lake.snapshot())
    reading = Asker(engine, EVERYTHING, [], SHORT.end)
    read = {segment.name for segment in reading.snapshot.segments}
    collect(lake, drawn("beta", 2, 1.0))
    engine.hot._rested.clear()
    engine.hot.refresh(lake.snapshot())
    engine.hot.refresh(lake.snapshot())
    assert read < databases(engine)
    (row,) = reading.ledger(Question(SHORT)).rows.to_pylist()
    assert row["capacity_seconds"] == 4 * HOURS * 3600
    del reading
    engine.hot.refresh(lake.snapshot())
    assert databases(engine) == {segment.name for segment in engine.hot.segments}
    engine.close()


def databases(engine: Engine) -> set[str]:
    rows = engine._duckdb.execute("select database_name from duckdb_databases() where not internal").fetchall()
    return {name for (name,) in rows} - {"memory"}


def test_the_newest_is_held_within_the_budget(tmp_path: Path) -> None:
    lake = fill(tmp_path)
    engine = Engine(lake, hot_bytes=3_000_000)
    assert engine.hot.refresh(lake.snapshot())
    held = [segment.part for segment in engine.hot.segments]
    wanted = list(stretches(lake.snapshot()))
    assert 0 < len(held) < len(wanted)
    assert held[0] == wanted[0]
    assert 0 < engine.hot.bytes <= engine.hot.most_bytes
    files = Engine(lake)
    check_alike(asked_of(engine).ledger(Question(ALL)).rows, asked_of(files).ledger(Question(ALL)).rows)
    files.close()
    engine.close()


def test_without_a_budget_nothing_is_held(lake: Lake) -> None:
    engine = Engine(lake)
    assert engine.hot.refresh(lake.snapshot())
    assert not engine.hot.segments
    engine.close()


def test_an_empty_ledger_holds_nothing(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create()
    engine = Engine(lake, hot_bytes=PLENTY)
    assert engine.hot.refresh(lake.snapshot())
    assert not engine.hot.segments
    engine.close()


def test_a_file_that_is_gone_is_told(lake: Lake) -> None:
    snapshot = lake.snapshot()
    Path(snapshot.paths("hour", SHORT)[0]).unlink()
    engine = Engine(lake, hot_bytes=PLENTY)
    with pytest.raises(LakeError, match="metrics-collect repair"):
        engine.hot.refresh(snapshot)
    engine.close()
