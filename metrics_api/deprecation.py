"""Deprecation: endpoints that will go, told in the same way to programs, in the documentation and in headers.

An endpoint is kept for two more versions, and for six months at least, after it was deprecated.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime


@dataclass(frozen=True)
class Deprecation:
    """Since when an endpoint is deprecated, when it goes at the earliest, and what takes its place."""

    since: date
    sunset: date
    successor: str

    def __str__(self) -> str:
        return f"Deprecated since {self.since}, and gone on {self.sunset} at the earliest; use {self.successor}."

    def headers(self) -> dict[str, str]:
        """RFC 9745, RFC 8594 and RFC 8288."""
        return {
            "Deprecation": f"@{int(midnight(self.since).timestamp())}",
            "Sunset": format_datetime(midnight(self.sunset), usegmt=True),
            "Link": f'<{self.successor}>; rel="successor-version"',
        }


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
