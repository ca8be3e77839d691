"""Explained: how the commands find their configuration, and tell what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from metrics_api.demo.demo import DemoError
from metrics_api.demo.history import HistoryError
from metrics_api.demo.servers import ServerError
from metrics_api.export_folder import FolderError
from queries.control.database import ControlError, NameTakenError
from queries.control.users import PasswordError
from queries.lake import LakeError
from queries.settings import SettingsError

console = Console(stderr=True)


class AdminError(ValueError):
    """Something that was named is not there, or cannot be; the message says what can."""


EXPLAINED = (
    AdminError,
    PasswordError,
    SettingsError,
    FolderError,
    LakeError,
    ControlError,
    NameTakenError,
    DemoError,
    HistoryError,
    ServerError,
)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration file. Without it: metrics.toml, if there is one here."),
]


def default_config() -> Path | None:
    path = Path("metrics.toml")
    return path if path.is_file() else None


@contextmanager
def explained() -> Iterator[None]:
    """Tell what is wrong instead of where in the code it was noticed."""
    try:
        yield
    except EXPLAINED as error:
        console.print(f"[red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
