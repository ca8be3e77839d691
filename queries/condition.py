"""Condition: one comparison of a where filter, as Run:ai writes it: ``project==team-a``, ``node=^gpu-``."""

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from queries.catalogue import DIMENSIONS, FIELDS

OPERATORS: dict[str, str] = {
    "==": "{field} = {value}",
    "!=": "{field} is distinct from {value}",
    "<=": "{field} <= {value}",
    ">=": "{field} >= {value}",
    "=@": "contains({field}, {value})",
    "!@": "not coalesce(contains({field}, {value}), false)",
    "=^": "starts_with({field}, {value})",
    "=$": "ends_with({field}, {value})",
}
"""Equal, not equal, at most, at least, contains, does not contain, starts with, ends with; as SQL."""

FURTHER: dict[str, str] = {
    "<": "{field} < {value}",
    ">": "{field} > {value}",
    "=~": "regexp_like({field}, {value})",
    "!~": "not coalesce(regexp_like({field}, {value}), false)",
    "=|": "array_contains({value}, {field})",
    "!=|": "not coalesce(array_contains({value}, {field}), false)",
}
"""What dashboards ask beside: less, more, matches a whole regular expression, does not, is one of several, is none."""

WRITTEN = re.compile(r"(\w+)(==|!=|<=|>=|=@|!@|=\^|=\$)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    field: str
    operator: str
    value: str | tuple[str, ...]

    @classmethod
    def matching(cls, field: str, operator: str, pattern: str) -> "Condition":
        """A condition (``=~`` or ``!~``) that the whole text matches a regular expression, as RE2 reads it.

        Raises:
            ValueError: it is none.
        """
        whole = f"^(?:{pattern})$"
        try:
            pc.match_substring_regex(pa.array([""]), whole)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return cls(field, operator, whole)

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read ``field operator value``.

        Raises:
            ValueError: it is not of that form, or there is no such field.
        """
        match = WRITTEN.fullmatch(text)
        if not match:
            raise ValueError(
                f"{text!r} is not a condition; write field, operator and value as in project==team-a;"
                f" operators: {' '.join(OPERATORS)}"
            )
        field, operator, value = match.groups()
        if field not in DIMENSIONS:
            raise ValueError(f"unknown field {field!r} in {text!r}; fields are: {', '.join(DIMENSIONS)}")
        return cls(field, operator, value)

    def sql(self, parameter: str) -> str:
        """The comparison with a named parameter for its value: no text of a user becomes SQL."""
        return (OPERATORS | FURTHER)[self.operator].format(field=FIELDS[self.field].sql, value=f"${parameter}")
