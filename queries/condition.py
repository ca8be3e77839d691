"""Condition: one comparison of a where filter, as Run:ai writes it: ``project==team-a``, ``node=^gpu-``."""

import re
from dataclasses import dataclass

from queries.catalogue import DIMENSIONS

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

WRITTEN = re.compile(r"(\w+)(==|!=|<=|>=|=@|!@|=\^|=\$)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    field: str
    operator: str
    value: str

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
        return OPERATORS[self.operator].format(field=DIMENSIONS[self.field].sql, value=f"${parameter}")
