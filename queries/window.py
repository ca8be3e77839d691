"""Window: a half-open UTC interval, and how a long one is split."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)

UNIX_SECONDS = re.compile(r"\d{9,12}(\.\d+)?")


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """The time from ``start`` up to, not including, ``end``; both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            raise ValueError("a window's start and end are aware and in UTC")
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} is not after start {self.start.isoformat()}")

    @classmethod
    def hour_of(cls, time: datetime) -> "Window":
        """The UTC hour that ``time`` lies in: the unit in which the ledger is collected."""
        start = time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return cls(start, start + HOUR)

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def hours(self) -> Iterator["Window"]:
        """Every UTC hour that this window touches, whole."""
        hour = Window.hour_of(self.start)
        while hour.start < self.end:
            yield hour
            hour = Window(hour.end, hour.end + HOUR)

    def split(self, length: timedelta) -> Iterator["Window"]:
        """Pieces of at most ``length``, in order, that cover the window exactly."""
        start = self.start
        while start < self.end:
            end = min(start + length, self.end)
            yield Window(start, end)
            start = end

    def halves(self) -> tuple["Window", "Window"]:
        middle = self.start + self.length / 2
        return Window(self.start, middle), Window(middle, self.end)

    def __str__(self) -> str:
        return f"{format_time(self.start)}/{format_time(self.end)}"


def join_hours(hours: list[Window], at_most: int) -> Iterator[list[Window]]:
    """Runs of adjoining hours, each of at most ``at_most``: what is read in one go."""
    run: list[Window] = []
    for hour in sorted(hours):
        if run and (run[-1].end != hour.start or len(run) == at_most):
            yield run
            run = []
        run.append(hour)
    if run:
        yield run


def format_time(time: datetime) -> str:
    """ISO 8601 in UTC with a Z, seconds only where there are no parts of them."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds" if time.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Read ISO 8601 (no zone means UTC), a date, or Unix seconds.

    Raises:
        ValueError: the text is none of these.
    """
    try:
        if UNIX_SECONDS.fullmatch(text):
            return datetime.fromtimestamp(float(text), UTC)
        time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{text!r} is not a time; write ISO 8601 as in 2026-05-01T00:00:00Z, a date, or Unix seconds"
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def milliseconds(of: datetime | timedelta) -> int:
    """A time as Unix milliseconds, or a length in milliseconds."""
    seconds = of.timestamp() if isinstance(of, datetime) else of.total_seconds()
    return round(seconds * 1000)
