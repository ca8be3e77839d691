"""Dated: an entry of the settings that counts from a time until another, and which of several counts when."""

from collections.abc import Hashable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from queries.window import HOUR, format_time

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class Dated(BaseModel):
    """Times without an offset are of the zone ``tz``. They are whole hours of UTC, as those of the ledger are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: datetime | None = None
    valid_until: datetime | None = None
    """Not included."""
    tz: str = "UTC"

    @property
    def since(self) -> datetime:
        return self._in_utc(self.valid_from) or EARLIEST

    @property
    def until(self) -> datetime:
        return self._in_utc(self.valid_until) or LATEST

    def _in_utc(self, time: datetime | None) -> datetime | None:
        if time is None:
            return None
        return (time if time.tzinfo else time.replace(tzinfo=ZoneInfo(self.tz))).astimezone(UTC)

    @field_validator("valid_from", "valid_until")
    @classmethod
    def is_of_our_age(cls, time: datetime | None) -> datetime | None:
        if time and not EARLIEST.year <= time.year < LATEST.year:
            raise ValueError(f"write a year from {EARLIEST.year} to {LATEST.year - 1}")
        return time

    @field_validator("tz")
    @classmethod
    def names_a_zone(cls, tz: str) -> str:
        try:
            ZoneInfo(tz)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("write the name of a time zone, as in Europe/Berlin or UTC") from None
        return tz

    @model_validator(mode="after")
    def counts_for_whole_hours(self) -> Self:
        for name, time in (("valid_from", self.since), ("valid_until", self.until)):
            if time.timestamp() % HOUR.total_seconds():
                raise ValueError(
                    f"{name} is {format_time(time)}; write a full hour of UTC, since the ledger is kept in those"
                )
        if self.until <= self.since:
            raise ValueError(f"valid_until {format_time(self.until)} is not after valid_from {format_time(self.since)}")
        return self


Key = TypeVar("Key", bound=Hashable)
Entry = TypeVar("Entry", bound=Dated)


def stretches(entries: Sequence[tuple[Key, Entry]]) -> Iterator[tuple[datetime, datetime, list[tuple[Key, Entry]]]]:
    """All time, cut wherever an entry begins or ends to count: the start and end of each piece, and the entries that
    count in it. Of those with the same key, the one that began last does; keys come in the order of the settings."""
    edges = {EARLIEST, LATEST, *(entry.since for _, entry in entries), *(entry.until for _, entry in entries)}
    order = list(dict.fromkeys(key for key, _ in entries))
    for start, end in pairwise(sorted(edges)):
        valid = [(key, entry) for key, entry in entries if entry.since <= start and end <= entry.until]
        newest = dict(sorted(valid, key=lambda each: each[1].since))
        yield start, end, [(key, newest[key]) for key in order if key in newest]


def twins(entries: Sequence[tuple[Key, Entry]]) -> list[tuple[Key, datetime]]:
    """The keys of which two entries begin at the same time, so that nothing says which counts."""
    beginnings = [(key, entry.since) for key, entry in entries]
    return [beginning for beginning in dict.fromkeys(beginnings) if beginnings.count(beginning) > 1]


def as_like(pattern: str) -> str:
    """A pattern in which ``*`` stands for any text, as LIKE has it with ``|`` as its escape."""
    for special in "|%_":
        pattern = pattern.replace(special, f"|{special}")
    return pattern.replace("*", "%")
