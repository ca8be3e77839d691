"""Filter: one comparison of a list's filterBy, as Run:ai writes it: ``name=@team``, ``createdAt>=2025-01-01``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from queries.condition import OPERATORS
from queries.window import parse_time

Kind = type[str] | type[float] | type[bool] | type[datetime]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "<=": lambda found, wanted: found is not None and found <= wanted,
    ">=": lambda found, wanted: found is not None and found >= wanted,
    "=@": lambda found, wanted: wanted in (found or ""),
    "!@": lambda found, wanted: wanted not in (found or ""),
    "=^": lambda found, wanted: (found or "").startswith(wanted),
    "=$": lambda found, wanted: (found or "").endswith(wanted),
}

OF_KIND: dict[Kind, tuple[str, ...]] = {
    str: tuple(OPERATORS),
    float: ("==", "!=", "<=", ">="),
    datetime: ("==", "!=", "<=", ">="),
    bool: ("==", "!="),
}
"""The operators that there are for each kind of value."""

WRITTEN = re.compile(r"(\w+)(==|!=|<=|>=|=@|!@|=\^|=\$)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Filter:
    """value: of the kind that the field has."""

    field: str
    operator: str
    value: Any

    @classmethod
    def parse(cls, text: str, fields: Mapping[str, Kind]) -> "Filter":
        """Read ``field operator value``. Fields are found in any case; a time without an offset is in UTC.

        Raises:
            ValueError: it is not of that form, there is no such field, or its values are of another kind.
        """
        match = WRITTEN.fullmatch(text)
        if not match:
            raise ValueError(
                f"{text!r} is not a filter; write field, operator and value as in {next(iter(fields))}==x;"
                f" operators: {' '.join(OPERATORS)}"
            )
        written, operator, value = match.groups()
        field = {name.lower(): name for name in fields}.get(written.lower())
        if field is None:
            raise ValueError(f"unknown field {written!r} in {text!r}; fields are: {', '.join(fields)}")
        kind = fields[field]
        if operator not in OF_KIND[kind]:
            raise ValueError(f"{text!r}: operators of {field} are: {' '.join(OF_KIND[kind])}")
        return cls(field, operator, read_value(value, kind, text))

    def holds(self, found: Any) -> bool:
        """Whether a value is as the filter says. Of several values (a tuple or a list) one must be; where the filter
        excludes, all must."""
        compare = COMPARISONS[self.operator]
        if isinstance(found, (tuple, list)):
            return (all if self.operator.startswith("!") else any)(compare(each, self.value) for each in found)
        return compare(found, self.value)


def read_value(text: str, kind: Kind, whole: str) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is datetime:
            return parse_time(text)
        return float(text) if kind is float else text
    except (KeyError, ValueError):
        names = {bool: "true or false", float: "a number", datetime: "a time like 2025-01-01T00:00:00Z"}
        raise ValueError(f"{whole!r}: {text!r} is not {names[kind]}") from None


def joined(parts: list[str]) -> list[str]:
    """Filters that were told apart by commas, put together again where a comma was part of a value."""
    filters: list[str] = []
    for part in parts:
        if filters and not WRITTEN.match(part):
            filters[-1] += f",{part}"
        else:
            filters.append(part)
    return filters
