import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.ledger.counting import count
from queries.ledger.inputs import SCHEMAS
from queries.ledger.standing import Stands, join, stand, unchanged

STEP = 60
MARGIN = 300

NOTHING = float("nan")

Sample = tuple[float, float]
"""A time in seconds, and a value."""


def tables(*series: Sequence[Sample], scrapes: Sequence[int] = (), **options: float) -> tuple[pa.Table, pa.Table]:
    """Samples and series, each with the options of a source: counter, scale, minimum and maximum."""
    rows = [
        (number, round(time * 1000), value) for number, samples in enumerate(series) for time, value in sorted(samples)
    ]
    source = {"counter": False, "scale": 1.0, "minimum": -np.inf, "maximum": np.inf} | options
    listed = [
        {**source, "series": number, "scrape": scrapes[number] if scrapes else 0} for number in range(len(series))
    ]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    samples = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMAS["samples"], strict=True)],
        schema=SCHEMAS["samples"],
    )
    return samples, pa.Table.from_pylist(listed, schema=SCHEMAS["series"])


def stood(*series: Sequence[Sample], scrapes: Sequence[int] = (), **options: float) -> list[tuple[float, ...]]:
    """For which time (seconds) each sample stands, with which value: of one series as (since, until, value), of more
    with the number of the series before."""
    stands = stand(*tables(*series, scrapes=scrapes, **options), STEP * 1000)
    if options.get("counter"):
        stands = count(stands, np.arange(len(series)), MARGIN * 1000)
    rows: list[tuple[float, ...]] = list(
        zip(
            stands.series.tolist(),
            (stands.since / 1000).tolist(),
            (stands.until / 1000).tolist(),
            stands.values.tolist(),
            strict=True,
        )
    )
    return [row[1:] for row in rows] if len(series) == 1 else rows


def every(seconds: float, count: int, start: float = 0, value: float = 1) -> list[Sample]:
    return [(start + number * seconds, value) for number in range(count)]


def test_a_sample_stands_to_the_next_and_the_last_one_for_an_interval() -> None:
    assert stood([(0, 0.1), (30, 0.2), (60, 0.3)]) == [(0, 30, 0.1), (30, 60, 0.2), (60, 90, 0.3)]


def test_a_sample_ends_at_the_moment_of_the_next_whatever_the_steps() -> None:
    assert stood([(45, 1), (105, 2)]) == [(45, 105, 1), (105, 165, 2)]
    assert stood([(60, 1), (120, 2)]) == [(60, 120, 1), (120, 180, 2)]


@pytest.mark.parametrize(("late", "until"), [(89.999, 89.999), (90, 90), (90.001, 60), (600, 60)])
def test_a_sample_stands_to_one_that_comes_within_one_and_a_half_intervals(late: float, until: float) -> None:
    regular = every(60, 6, start=late, value=2)
    assert stood([(0, 1), *regular])[0] == (0, until, 1)


def test_the_next_series_does_not_end_a_sample() -> None:
    assert stood([(0, 1), (60, 2)], [(70, 3), (130, 4)]) == [
        (0, 0, 60, 1),
        (0, 60, 120, 2),
        (1, 70, 130, 3),
        (1, 130, 190, 4),
    ]


def test_each_scrape_has_its_own_interval() -> None:
    found = stood(every(15, 5), every(300, 3), [(0, 7)], scrapes=(0, 1, 2))
    assert [until - since for number, since, until, _ in found if number == 0] == [15] * 5
    assert [until - since for number, since, until, _ in found if number == 1] == [300] * 3
    assert [until - since for number, since, until, _ in found if number == 2] == [STEP]


def test_a_scrape_lends_its_interval_to_series_that_are_seen_once() -> None:
    """A pod that lived shorter than two scrapes."""
    found = stood(every(300, 4), [(900, 1)], scrapes=(0, 0))
    assert found[-1] == (1, 900, 1200, 1)


def test_a_missing_sample_does_not_make_the_interval_longer() -> None:
    with_a_gap = [*every(30, 4), *every(30, 4, start=300)]
    assert [until for _, until, _ in stood(with_a_gap)] == [30, 60, 90, 120, 330, 360, 390, 420]


def test_a_small_scrape_among_very_many_samples_keeps_its_interval() -> None:
    many = 1_000_001
    small = 10
    number = np.repeat([0, 1], [many, small])
    times = np.concatenate([np.arange(many) * 60_000, np.arange(small) * 300_000])
    samples = pa.table([number, times, np.ones(many + small)], schema=SCHEMAS["samples"])
    _, series = tables([], [], scrapes=(0, 1))
    stands = stand(samples, series, STEP * 1000)
    assert (stands.until - stands.since)[many:].tolist() == [300_000] * small


@pytest.mark.parametrize(
    ("value", "stands_with"),
    [(0, 0), (100, 1), (100.000001, NOTHING), (-0.000001, NOTHING), (13_000, NOTHING), (NOTHING, NOTHING), (50, 0.5)],
)
def test_a_value_out_of_range_says_nothing_and_is_never_clamped(value: float, stands_with: float) -> None:
    """The range is that of the catalogue's unit: here percent are made a ratio."""
    found = stood([(0, value), (60, 50)], scale=0.01, minimum=0, maximum=1)
    assert [(since, until) for since, until, _ in found] == [(0, 60), (60, 120)]
    assert [value for *_, value in found] == pytest.approx([stands_with, 0.5], nan_ok=True)


BLANKS = [
    *range(2147483632, 2147483648, 5),
    2147483647,
    4294967295,
    140737488355328.0,
    140737488355343.0,
    9223372036854775792.0,
    9223372036854775807.0,
]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_of_dcgm_says_nothing_however_plausible(blank: float, sign: int) -> None:
    """What would be a plausible energy in mJ, say."""
    ((since, until, value),) = stood([(0, sign * blank)], scale=0.001)
    assert (since, until) == (0, 60)
    assert math.isnan(value)


@pytest.mark.parametrize("value", [2147483631, 2147483648, 4294967294, 4294967296, 140737488355327, 1e13])
def test_a_number_beside_the_blanks_is_a_value(value: float) -> None:
    assert stood([(0, value)]) == [(0, 60, value)]


def test_a_counter_becomes_the_rate_to_the_next_sample() -> None:
    found = stood([(0, 1000), (60, 7000), (90, 7000), (120, 10000)], counter=True, scale=0.001)
    assert found == [(0, 60, pytest.approx(0.1)), (60, 90, 0), (90, 120, pytest.approx(0.1))]


def test_a_counter_that_fell_began_again_at_zero() -> None:
    assert stood([(0, 500), (60, 560), (120, 30), (180, 90)], counter=True) == [
        (0, 60, 1),
        (60, 120, 0.5),
        (120, 180, 1),
    ]


def test_a_counter_that_began_again_at_its_old_value_did_not_move() -> None:
    assert stood([(0, 500), (60, 500)], counter=True) == [(0, 60, 0)]


@pytest.mark.parametrize(("gap", "is_known"), [(90, True), (MARGIN, True), (MARGIN + 0.001, False)])
def test_a_counter_is_followed_from_one_hour_into_another_within_the_margin(gap: float, is_known: bool) -> None:
    """An hour is read with as much beyond its end."""
    found = stood([(3500, 0), (3560, 60), (3560 + gap, 60 + 2 * gap)], counter=True)
    assert found == [(3500, 3560, 1), *([(3560, 3560 + gap, pytest.approx(2))] if is_known else [])]


def test_a_counter_is_followed_over_any_gap_within_an_hour() -> None:
    assert stood([(0, 0), (60, 60), (3000, 3000)], counter=True) == [(0, 60, 1), (60, 3000, 1)]


@pytest.mark.parametrize("blank", [9223372036854775794.0, 4294967295, NOTHING, -5])
def test_a_counter_is_followed_over_what_is_no_number(blank: float) -> None:
    found = stood([(0, 100), (60, 160), (120, blank), (180, 280), (240, 340)], counter=True, minimum=0)
    assert found == [(0, 60, 1), (60, 180, 1), (180, 240, 1)]


def test_a_counter_is_one_whomever_its_series_name() -> None:
    """The label of the holder comes and goes, or the value is copied to two holders."""
    named = [(0, 0), (60, 60), (120, 120)], [(180, 180), (240, 240)], [(180, 180), (240, 240)]
    stands = count(stand(*tables(*named, counter=True), STEP * 1000), np.array([0, 0, 0]), MARGIN * 1000)
    assert (stands.since // 1000).tolist() == [0, 60, 120, 180]
    assert stands.values.tolist() == [1, 1, 1, 1]


def test_a_counter_and_a_gauge_of_one_scrape_stand_side_by_side() -> None:
    samples, series = tables([(0, 5), (60, 5)], [(0, 60), (60, 120)])
    stands = stand(samples, series, STEP * 1000)
    both = join(stands.of(stands.series == 0), count(stands.of(stands.series == 1), np.arange(2), MARGIN * 1000))
    assert both.series.tolist() == [0, 0, 1]
    assert both.values.tolist() == [5, 5, 1]


counts = st.lists(st.integers(0, 10**9), min_size=2, max_size=40)


@given(counts)
def test_no_counter_runs_backwards_and_nothing_it_counted_is_lost(counted: list[int]) -> None:
    found = stood([(60 * place, value) for place, value in enumerate(counted)], counter=True)
    grown = [after - before if after >= before else after for before, after in pairwise(counted)]
    assert all(value >= 0 for *_, value in found)
    assert sum((until - since) * value for since, until, value in found) == pytest.approx(sum(grown))


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 1)), unique_by=lambda sample: sample[0]))
def test_a_series_stands_for_no_moment_twice(samples: list[Sample]) -> None:
    found = stood(samples)
    assert [since for since, _, _ in found] == sorted(time for time, _ in samples)
    assert all(since < until for since, until, _ in found)
    assert all(until <= later for (_, until, _), (later, _, _) in pairwise(found))


def test_nothing_stands_where_nothing_was_read() -> None:
    assert stood() == []
    assert stood([], []) == []
    assert stood([], [], counter=True) == []


def told(*rows: tuple[int, float, float, float], is_valued: Sequence[bool]) -> list[tuple[float, ...]]:
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.empty(0)] * 4
    series, since, until, values = columns
    stands = Stands(series.astype(int), since.astype(int), until.astype(int), values.astype(float))
    return [tuple(row.values()) for row in unchanged(stands, np.array(is_valued, bool)).to_pylist()]


def test_what_stays_the_same_without_a_gap_is_one_row() -> None:
    rows = [(0, 0, 10, 1.0), (0, 10, 20, 1.0), (0, 20, 30, 2.0), (0, 31, 40, 2.0), (1, 40, 50, 2.0)]
    assert told(*rows, is_valued=[True, True]) == [(0, 0, 20, 1), (0, 20, 30, 2), (0, 31, 40, 2), (1, 40, 50, 2)]


def test_of_a_series_that_is_only_there_the_value_does_not_count() -> None:
    rows = [(0, 0, 10, 0.3), (0, 10, 20, 0.7), (0, 20, 30, NOTHING)]
    assert told(*rows, is_valued=[False]) == [(0, 0, 30, 0)]


def test_a_value_that_says_nothing_is_a_gap() -> None:
    rows = [(0, 0, 10, 1.0), (0, 10, 20, NOTHING), (0, 20, 30, 1.0)]
    assert told(*rows, is_valued=[True]) == [(0, 0, 10, 1), (0, 20, 30, 1)]


def test_nothing_is_unchanged_where_nothing_stands() -> None:
    assert told(is_valued=[]) == []
    assert told((0, 0, 10, NOTHING), is_valued=[True]) == []
