"""Options: how what is given on a command line is read, and refused with what would be right."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import typer

from queries.control.roles import find_role
from queries.duration import parse_duration

T = TypeVar("T")


def saying_why(parse: Callable[[str], T]) -> Callable[[str], T]:
    """What a ValueError says, typer says too; of its own accord not all its versions do."""

    def read(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return read


read_duration = saying_why(parse_duration)
read_role = saying_why(find_role)
read_day = saying_why(date.fromisoformat)
