"""Template: a file of SQL, into which the catalogue's identifiers are filled; never a user's text."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template


@cache
def read_template(package: str, name: str) -> Template:
    """The file ``name.sql`` of a package, compiled once."""
    text = files(package).joinpath(f"{name}.sql").read_text()
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text)
