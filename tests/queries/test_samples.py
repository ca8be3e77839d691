from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.samples import EPOCH, LONG, Samples, samples_of
from queries.window import HOUR, Window
from tests.sketch import START

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("minutes", "count", "lengths"),
    [
        (60, 4, [15, 15, 15, 15]),
        (60, 7, [8, 9, 8, 9, 8, 9, 9]),
        (3, 20, [1, 1, 1]),
        (1, 1, [1]),
        (10, 1, [10]),
    ],
)
def test_a_window_is_cut_into_parts_of_the_same_length(minutes: int, count: int, lengths: list[int]) -> None:
    starts = Samples(count, MINUTE).starts(Window(START, START + minutes * MINUTE))
    assert [(after - before) / MINUTE for before, after in pairwise(starts)] == lengths


def test_ends_within_a_step_are_moved_outwards() -> None:
    thirty = timedelta(seconds=30)
    samples = Samples(1, MINUTE)
    assert samples.aligned(Window(START + thirty, START + MINUTE)) == Window(START, START + MINUTE)
    assert samples.aligned(Window(START + thirty, START + MINUTE + thirty)) == Window(START, START + 2 * MINUTE)
    assert samples.aligned(Window(START, START + MINUTE)) == Window(START, START + MINUTE)


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.integers(1, 1000))
def test_parts_cover_the_window_without_gap_or_overlap(offset: int, length: int, count: int) -> None:
    window = Window(START + timedelta(seconds=offset), START + timedelta(seconds=offset + length))
    samples = samples_of(window, count, MINUTE)
    whole = samples.aligned(window)
    starts = samples.starts(whole)
    assert (starts[0], starts[-1]) == (whole.start, whole.end)
    assert starts == sorted(set(starts))
    assert len(starts) - 1 <= count
    assert all((start - EPOCH) % samples.finest == timedelta(0) for start in starts)
    assert whole.start <= window.start < window.end <= whole.end


def test_parts_of_long_windows_are_whole_hours() -> None:
    window = Window(START, START + LONG + HOUR)
    assert samples_of(window, 20, MINUTE).finest == HOUR
    assert samples_of(window, 10_000, MINUTE).finest == MINUTE
    assert samples_of(Window(START, START + LONG), 20, MINUTE).finest == MINUTE
