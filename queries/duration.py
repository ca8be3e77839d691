"""Durations as people write them: ``60s``, ``5m``, ``1h``, ``30d``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
WRITTEN = re.compile(r"(\d{1,9})(ms|[smhdwy])")


def parse_duration(text: object) -> timedelta:
    """Read ``30d`` as 30 days; a timedelta passes as it is.

    Raises:
        ValueError: the text is not a positive whole number with a unit.
    """
    if isinstance(text, timedelta):
        return text
    match = WRITTEN.fullmatch(str(text))
    if not match or int(match[1]) == 0:
        raise ValueError(
            f"{text!r} is not a duration; write a whole number above 0 and a unit, as in 60s, 5m, 1h or 30d"
        )
    try:
        return timedelta(seconds=int(match[1]) * UNITS[match[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is too long a duration") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit (up to days) that holds it in whole numbers."""
    milliseconds = round(duration.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        length = round(UNITS[unit] * 1000)
        if milliseconds and milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds}ms"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{WRITTEN.pattern}$"}),
]
