from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.window import HOUR, Window, format_time, join_hours, parse_time

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
lengths = st.timedeltas(timedelta(seconds=1), timedelta(days=40))


def test_a_window_ends_after_it_starts() -> None:
    with pytest.raises(ValueError, match="is not after start"):
        Window(NOON, NOON)


def test_a_window_is_in_utc() -> None:
    elsewhere = timezone(timedelta(hours=2))
    with pytest.raises(ValueError, match="UTC"):
        Window(NOON.astimezone(elsewhere), NOON + HOUR)


def test_the_hour_of_a_time_is_half_open() -> None:
    assert Window.hour_of(NOON) == Window(NOON, NOON + HOUR)
    assert Window.hour_of(NOON - timedelta(microseconds=1)) == Window(NOON - HOUR, NOON)


@given(times, lengths, st.timedeltas(timedelta(minutes=1), timedelta(days=3)))
def test_the_pieces_of_a_window_cover_it_exactly(start: datetime, length: timedelta, piece: timedelta) -> None:
    window = Window(start, start + max(length, timedelta(minutes=1)))
    pieces = list(window.split(max(piece, window.length / 500)))
    assert pieces[0].start == window.start
    assert pieces[-1].end == window.end
    assert all(one.end == other.start for one, other in pairwise(pieces))


@given(times, lengths)
def test_the_hours_of_a_window_are_those_it_touches(start: datetime, length: timedelta) -> None:
    window = Window(start, start + length)
    hours = list(window.hours())
    assert hours[0].start <= window.start < hours[0].end
    assert hours[-1].start < window.end <= hours[-1].end


def test_hours_that_adjoin_are_joined_up_to_a_number() -> None:
    hours = [Window(NOON + number * HOUR, NOON + (number + 1) * HOUR) for number in (0, 1, 2, 3, 7)]
    assert [len(run) for run in join_hours(hours, at_most=3)] == [3, 1, 1]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-05-01T12:00:00Z", NOON),
        ("2026-05-01T12:00:00", NOON),
        ("2026-05-01T14:00:00+02:00", NOON),
        ("2026-05-01T14:00:00 02:00", NOON),  # a plus sign that was not escaped in an address
        ("1777636800", NOON),
        ("1777636800.5", NOON + timedelta(milliseconds=500)),
        ("2026-05-01", NOON - 12 * HOUR),
    ],
)
def test_times_are_read_as_people_write_them(text: str, time: datetime) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "12:00", "99999999999999999999"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write ISO 8601"):
        parse_time(text)


@given(times)
def test_a_time_that_is_written_is_read_back(time: datetime) -> None:
    whole = time.replace(microsecond=time.microsecond // 1000 * 1000)
    assert parse_time(format_time(whole)) == whole
