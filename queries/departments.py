"""Department: which projects belong to it, and when; and the organisation as it is joined with the ledger."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa
from pydantic import Field

from queries.datasets import TIME
from queries.dated import Dated, as_like, stretches, twins
from queries.window import format_time

DEPARTMENTS = pa.schema(
    [
        ("since", TIME),
        ("until", TIME),
        ("place", pa.int64()),
        ("project", pa.string()),
        ("department", pa.string()),
    ]
)
"""``place``: of the departments that a project fits, the one with the smallest counts. ``project`` is a pattern of
LIKE."""


class Department(Dated):
    """Its projects, as patterns like ``llm-*``; the first pattern that fits a project counts."""

    name: str = Field(min_length=1)
    projects: tuple[str, ...] = Field(min_length=1)


def check_departments(departments: tuple[Department, ...]) -> tuple[Department, ...]:
    """Refuse an organisation in which a project is in two departments at once.

    Raises:
        ValueError: two departments claim the same pattern from the same time on.
    """
    for pattern, since in twins(listed(departments)):
        raise ValueError(
            f"project {pattern!r} is given to two departments from {format_time(since)} on;"
            " keep one, or let one begin later by valid_from"
        )
    return departments


def listed(departments: Sequence[Department]) -> list[tuple[str, Department]]:
    return [(pattern, department) for department in departments for pattern in department.projects]


def department_tables(departments: Sequence[Department]) -> dict[str, pa.Table]:
    """What ``joins/departments.sql`` reads."""
    rows = [
        {
            "since": since,
            "until": until,
            "place": place,
            "project": as_like(pattern),
            "department": department.name,
        }
        for since, until, valid in stretches(listed(departments))
        for place, (pattern, department) in enumerate(valid)
    ]
    return {"departments": pa.Table.from_pylist(rows, DEPARTMENTS)}


def department_of(project: str, departments: Sequence[Department], time: datetime) -> str | None:
    """The department that a project belonged to at a time, as ``joins/departments.sql`` has it."""
    return belonging_at(departments, time)(project)


def belonging_at(departments: Sequence[Department], time: datetime) -> Callable[[str], str | None]:
    """The same, for many projects at one time."""
    valid = next((valid for since, until, valid in stretches(listed(departments)) if since <= time < until), [])
    return lambda project: next((each.name for pattern, each in valid if fits(project, pattern)), None)


def fits(name: str, pattern: str) -> bool:
    """Whether a name is what a pattern says, in which ``*`` stands for any text. Names are others' words: no regular
    expression is made to go back and forth over them."""
    first, *between = pattern.split("*")
    if not between:
        return name == pattern
    *middle, last = between
    place, end = len(first), len(name) - len(last)
    if place > end or not (name.startswith(first) and name.endswith(last)):
        return False
    for part in middle:
        found = name.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
