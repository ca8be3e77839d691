"""Calendar: steps of whole days, weeks or months, which begin at midnight somewhere."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from queries.duration import parse_duration
from queries.window import Window

MONDAY = date(1970, 1, 5).toordinal()
"""Weeks begin on Mondays; several weeks are counted from this one."""

FIRST_DAY = date(1970, 1, 1).toordinal()

DAY = timedelta(days=1)

DAYS = {"day": 1, "week": 7, "month": 30.44}
"""How long they are, about."""


@dataclass(frozen=True)
class Calendar:
    """Steps of so many days, weeks (from Monday) or months of a time zone. A day has as many hours as it has there."""

    count: int
    unit: Literal["day", "week", "month"]
    zone: ZoneInfo

    @property
    def length(self) -> timedelta:
        """How long a step is, about."""
        return timedelta(days=self.count * DAYS[self.unit])

    def starts(self, window: Window) -> list[datetime]:
        """When the steps begin that a window touches, in order, and when the one after them begins."""
        edges = [self._midnight(day) for day in self._days(window)]
        edges = [edge for edge, after in pairwise(edges) if edge < after] + edges[-1:]  # a zone may skip a whole day
        return edges[bisect_right(edges, window.start) - 1 :]

    def _days(self, window: Window) -> Iterator[date]:
        """The days on which steps begin, from one before the window to one after it."""
        local = window.start.astimezone(self.zone).date()
        number = self._number(local) - 1
        while True:
            day = self._first_day(number)
            yield day
            if self._midnight(day) >= window.end:
                return
            number += 1

    def _number(self, day: date) -> int:
        """How many steps lie before the one that a day is in."""
        if self.unit == "month":
            return (day.year * 12 + day.month - 1) // self.count
        return (day.toordinal() - self._origin) // self._days_long

    def _first_day(self, number: int) -> date:
        if self.unit == "month":
            year, month = divmod(number * self.count, 12)
            return date(year, month + 1, 1)
        return date.fromordinal(self._origin + number * self._days_long)

    @property
    def _origin(self) -> int:
        return MONDAY if self.unit == "week" else FIRST_DAY

    @property
    def _days_long(self) -> int:
        return self.count * (7 if self.unit == "week" else 1)

    def _midnight(self, day: date) -> datetime:
        """When a day begins; where its midnight is skipped, that is at the moment of skipping."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)


UTC_ZONE = ZoneInfo("UTC")


@cache
def zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def parse_zone(text: object) -> ZoneInfo:
    """Read the name of a time zone, as in Europe/Berlin.

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(text, ZoneInfo):
        return text
    if text not in zone_names():
        raise ValueError(f"{text!r} is not a time zone; write a name of the IANA database, as in Europe/Berlin or UTC")
    return ZoneInfo(str(text))


STEP = re.compile(r"([1-9]\d{0,2})(w|mo|y)")
"""Steps whose length is the calendar's affair."""


def parse_step(text: object) -> timedelta | Calendar:
    """Read a step: ``1w``, ``1mo`` and ``1y`` are of the calendar, other durations are as long as they say.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(text, (timedelta, Calendar)):
        return text
    match = STEP.fullmatch(str(text))
    if not match:
        return parse_duration(text)
    count = int(match[1])
    if match[2] == "w":
        return Calendar(count, "week", UTC_ZONE)
    return Calendar(count * 12 if match[2] == "y" else count, "month", UTC_ZONE)


def in_zone(step: timedelta | Calendar, zone: ZoneInfo) -> timedelta | Calendar:
    """The same step where its days begin in a zone; steps shorter than a day stay as they are."""
    if isinstance(step, Calendar):
        return replace(step, zone=zone)
    return step if zone == UTC_ZONE or step % DAY else Calendar(step // DAY, "day", zone)
