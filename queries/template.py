"""Template: a file of SQL, into which the catalogue's identifiers are filled; never a user's text."""

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


@cache
def read_template(package: str, name: str) -> Template:
    """The file ``name.sql`` of a package, compiled once. It may include others of the package."""
    loader = FileSystemLoader(str(files(package)))
    return Environment(loader=loader, undefined=StrictUndefined, autoescape=False).get_template(f"{name}.sql")


def words(sql: str) -> set[str]:
    """Every name in it, and more: what is not there is not read."""
    return set(re.findall(r"\w+", sql))
