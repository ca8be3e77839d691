"""A new reading of an hour that knows less than the lake: what is kept of the lake's, and what is refused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from queries.lake import Lake
from queries.ledger.review import Policy, Review
from queries.window import HOUR, Window
from tests.booked import SECONDS, both
from tests.collectors.site import in_order
from tests.sketch import START, Sketch

HOUR_OF = Window.hour_of(START)
MINUTE = timedelta(minutes=1)
LATER = START + 2 * HOUR


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    lake.create()
    return lake


def known(first: int, last: int, value: float = 0.5) -> list[float | None]:
    """Samples from one minute to another alone."""
    return [value if first <= minute < last else None for minute in range(60)]


def drawn(first: int = 0, last: int = 60, step: str = "60s") -> Sketch:
    """Two GPUs, one held and half busy, as far as Prometheus knows them."""
    sketch = Sketch()
    sketch.cluster = sketch.cluster.model_copy(update={"step": pd.Timedelta(step).to_pytimedelta()})
    sketch.node("n1", known(first, last, 2.0))
    sketch.pod("p", "n1", 1, running=known(first, last, 1.0))
    sketch.gpu("GPU-a", "n1", known(first, last), pod="p")
    sketch.gpu("GPU-b", "n1", known(first, last, 0.0))
    return sketch


def commit(lake: Lake, sketch: Sketch, as_of: datetime, policy: Policy = "keep") -> tuple[list[Window], list[str]]:
    """What was written of the hour, and what was said of it."""
    review = Review(sketch.cluster, as_of, policy)
    written = lake.replace(HOUR_OF, sketch.book(as_of=as_of).of(HOUR_OF), review)
    return written, list(review.notes.values())


def sums(lake: Lake) -> tuple[dict[str, float], ...]:
    """The columns that are not 0, of the samples and of the hours."""
    found = []
    for rows in both(lake, HOUR_OF):
        seconds = rows[SECONDS].sum()
        found.append({str(name).removesuffix("_seconds"): value for name, value in seconds.items() if value})
    return tuple(found)


def test_an_open_hour_keeps_the_steps_that_prometheus_lost_and_goes_on(lake: Lake, tmp_path: Path) -> None:
    """Prometheus was started anew, with nothing, at minute 30: the ledger is as if it had not been."""
    commit(lake, drawn(0, 30), START + 30 * MINUTE)
    written, notes = commit(lake, drawn(30, 50), START + 50 * MINUTE)
    assert written == [HOUR_OF]
    assert notes == [
        "30 steps of the hour 2025-03-03T00:00:00Z are kept as they are: http://127.0.0.1:1 knows less of them than when they"
        " were read before; it may have lost data"
    ]
    assert sums(lake) == ({"busy": 1500, "idle": 1500, "free": 3000},) * 2
    commit(lake, drawn(30, 60), LATER)
    undisturbed = Lake(str(tmp_path / "undisturbed"))
    undisturbed.create()
    commit(undisturbed, drawn(), LATER)
    for rows, others in zip(both(lake, HOUR_OF), both(undisturbed, HOUR_OF), strict=True):
        pd.testing.assert_frame_equal(in_order(rows), in_order(others))


def test_nothing_at_all_is_no_reason_to_forget(lake: Lake) -> None:
    commit(lake, drawn(0, 30), START + 30 * MINUTE)
    commit(lake, Sketch(), LATER)
    assert sums(lake) == ({"busy": 900, "idle": 900, "free": 1800},) * 2
    assert "empty" not in set(both(lake, HOUR_OF)[0]["kind"])
    assert lake.snapshot().revisions("sketch", HOUR_OF) == {START: int(LATER.timestamp())}


def test_steps_of_which_as_much_is_known_are_those_of_the_new_reading(lake: Lake) -> None:
    """Though it says something else: a correction of what was known."""
    commit(lake, drawn(0, 60), LATER)
    changed = drawn(0, 60)
    changed.samples = [(series, time, value / 2 if value == 0.5 else value) for series, time, value in changed.samples]
    assert commit(lake, changed, LATER + HOUR) == ([HOUR_OF], [])
    assert sums(lake) == ({"busy": 900, "idle": 2700, "free": 3600},) * 2


def test_where_utilization_alone_was_lost_the_step_is_kept(lake: Lake) -> None:
    commit(lake, drawn(0, 60), LATER)
    without = drawn(0, 60)
    gpus = {row["series"] for row in without.rows["gpu_series"]}
    minute_20 = (START + 20 * MINUTE).timestamp() * 1000
    without.samples = [each for each in without.samples if each[0] not in gpus or each[1] >= minute_20]
    _, (note,) = commit(lake, without, LATER + HOUR)
    assert note.startswith("20 steps")
    assert sums(lake) == ({"busy": 1800, "idle": 1800, "free": 3600},) * 2


def test_steps_of_another_length_are_not_kept(lake: Lake) -> None:
    """A step of a minute and one of thirty seconds would book the same time twice."""
    commit(lake, drawn(0, 30), START + 30 * MINUTE)
    assert commit(lake, drawn(30, 60, step="30s"), LATER) == ([HOUR_OF], [])
    assert sum(sums(lake)[0].values()) == pytest.approx(sum(sums(lake)[1].values()))
    assert sums(lake)[0]["busy"] == pytest.approx(900)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (drawn(30, 60), "knows less of it than the lake, 3600 GPU-seconds of 7200 (measured: 3600 of 7200)"),
        (Sketch(), "knows less of it than the lake, 0 GPU-seconds of 7200 (measured: 0 of 7200)"),
    ],
)
def test_a_correction_that_knows_less_is_refused_by_name_and_can_be_forced(lake: Lake, of: Sketch, said: str) -> None:
    commit(lake, drawn(), LATER)
    version = lake.snapshot().version
    written, (note,) = commit(lake, of, LATER + HOUR, "refuse")
    assert written == []
    assert note.startswith("the hour 2025-03-03T00:00:00Z is left as it is: http://127.0.0.1:1 ")
    assert said in note
    assert lake.snapshot().version == version
    assert commit(lake, of, LATER + HOUR, "replace") == ([HOUR_OF], [])
    assert sums(lake)[1].get("busy", 0) < 1800


@pytest.mark.parametrize("minutes", [60, 61])
def test_a_correction_that_knows_as_much_or_more_replaces_both_in_one_commit(lake: Lake, minutes: int) -> None:
    commit(lake, drawn(0, 120 - minutes), LATER)
    version = lake.snapshot().version
    assert commit(lake, drawn(), LATER + HOUR, "refuse") == ([HOUR_OF], [])
    assert lake.snapshot().version == version + 1
    assert sums(lake) == ({"busy": 1800, "idle": 1800, "free": 3600},) * 2


def test_a_refused_hour_does_not_hinder_those_that_are_committed_with_it(lake: Lake) -> None:
    def two_hours(first: int) -> Sketch:
        sketch = Sketch(minutes=120)
        values: Sequence[float | None] = [2.0 if minute >= first else None for minute in range(120)]
        sketch.node("n1", values)
        return sketch

    both_hours, as_of = Window(START, START + 2 * HOUR), START + 3 * HOUR
    for number, (sketch, policy) in enumerate(((two_hours(0), "keep"), (two_hours(30), "refuse"))):
        read_at = as_of + number * HOUR
        review = Review(sketch.cluster, read_at, policy)  # type: ignore[arg-type]
        rows = sketch.book(2, as_of=read_at).of(both_hours)
        written = lake.replace(both_hours, rows, review)
    assert written == [Window(START + HOUR, START + 2 * HOUR)]
    assert set(review.notes) == {HOUR_OF}
    assert sum(both(lake, both_hours)[1]["capacity_seconds"]) == 2 * 7200
