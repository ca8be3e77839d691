from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.buckets import Buckets
from queries.calendar import UTC_ZONE, Calendar, in_zone, parse_step, parse_zone
from queries.window import HOUR, Window

DAY = timedelta(days=1)
ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Africa/Cairo", "America/Havana", "Australia/Lord_Howe")
"""Whole hours, half hours; clocks that change at midnight, from 1 to 0, and by half an hour."""

hours = st.integers(0, 20 * 365 * 24).map(lambda number: datetime(2010, 1, 1, tzinfo=UTC) + number * HOUR)


def berlin(unit: str, count: int = 1) -> Calendar:
    return Calendar(count, unit, parse_zone("Europe/Berlin"))  # type: ignore[arg-type]  # tests know the units


def local(calendar: Calendar, window: Window) -> list[str]:
    return [f"{edge.astimezone(calendar.zone):%Y-%m-%d %H:%M}" for edge in calendar.starts(window)]


def lengths(calendar: Calendar, window: Window) -> list[timedelta]:
    edges = calendar.starts(window)
    return [after - edge for edge, after in pairwise(edges)]


def test_a_day_has_23_hours_when_clocks_go_forward_and_25_when_they_go_back() -> None:
    spring = Window(datetime(2025, 3, 28, 23, tzinfo=UTC), datetime(2025, 3, 31, 22, tzinfo=UTC))
    assert lengths(berlin("day"), spring) == [24 * HOUR, 23 * HOUR, 24 * HOUR]
    autumn = Window(datetime(2025, 10, 24, 22, tzinfo=UTC), datetime(2025, 10, 27, 23, tzinfo=UTC))
    assert lengths(berlin("day"), autumn) == [24 * HOUR, 25 * HOUR, 24 * HOUR]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    window = Window(datetime(2025, 3, 5, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC))
    assert local(berlin("month"), window) == ["2025-03-01 00:00", "2025-04-01 00:00", "2025-05-01 00:00"]
    assert local(berlin("week"), window)[:2] == ["2025-03-03 00:00", "2025-03-10 00:00"]
    assert local(berlin("month", 3), window) == ["2025-01-01 00:00", "2025-04-01 00:00", "2025-07-01 00:00"]


@given(
    start=hours,
    length=st.integers(1, 90 * 24),
    zone=st.sampled_from(ZONES),
    unit=st.sampled_from(("day", "week", "month")),
)
def test_every_time_lies_in_the_step_of_its_own_date(start: datetime, length: int, zone: str, unit: str) -> None:
    """Counted in the calendar of the zone, by its clocks, quarter by quarter of the edges."""
    window = Window(start, start + length * HOUR)
    calendar = Calendar(1, unit, ZoneInfo(zone))  # type: ignore[arg-type]  # hypothesis draws text
    edges = calendar.starts(window)
    assert edges == sorted(set(edges))
    assert edges[0] <= window.start < edges[1]
    assert edges[-2] < window.end <= edges[-1]
    for edge, after in pairwise(edges):
        first, last, before = (
            step_of(moment.astimezone(calendar.zone), unit)
            for moment in (edge, after - timedelta(seconds=1), edge - timedelta(seconds=1))
        )
        assert first == last != before


def step_of(moment: datetime, unit: str) -> tuple[int, ...]:
    if unit == "month":
        return moment.year, moment.month
    return tuple(moment.isocalendar())[: 2 if unit == "week" else 3]


@given(start=hours, length=st.integers(1, 40 * 24), zone=st.sampled_from(ZONES))
def test_the_calendars_table_says_the_step_of_each_stretch(start: datetime, length: int, zone: str) -> None:
    buckets = Buckets(Window(start, start + length * HOUR), Calendar(1, "day", ZoneInfo(zone)))
    edges = set(buckets.edges.tolist())
    for row in buckets.calendar().to_pylist():
        assert row["begins"] in edges
        assert row["begins"] <= row["since"]
        assert not any(row["begins"] < edge <= row["since"] for edge in edges)
        assert not any(row["since"] < edge < row["since"] + buckets.grain for edge in edges)


def test_a_day_that_a_zone_skips_is_no_step() -> None:
    """Samoa had no 30 December 2011."""
    window = Window(datetime(2011, 12, 29, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    days = [day[:10] for day in local(Calendar(1, "day", ZoneInfo("Pacific/Apia")), window)]
    assert days == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("5m", timedelta(minutes=5)),
        ("7d", 7 * DAY),
        ("1w", Calendar(1, "week", UTC_ZONE)),
        ("1mo", Calendar(1, "month", UTC_ZONE)),
        ("2y", Calendar(24, "month", UTC_ZONE)),
    ],
)
def test_weeks_months_and_years_are_the_calendars(text: str, step: object) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize("text", ["0w", "mo", "1month", "1000mo", "-1w", "1.5mo"])
def test_what_is_no_step_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_step(text)


def test_days_are_a_zones_and_shorter_steps_are_not() -> None:
    zone = parse_zone("Asia/Kolkata")
    assert in_zone(2 * DAY, zone) == Calendar(2, "day", zone)
    assert in_zone(6 * HOUR, zone) == 6 * HOUR
    assert in_zone(DAY, UTC_ZONE) == DAY
    assert in_zone(parse_step("1mo"), zone) == Calendar(1, "month", zone)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "berlin"])
def test_what_is_no_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone; write a name of the IANA database"):
        parse_zone(name)
