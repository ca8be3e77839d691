"""What Run:ai's own client can ask, read from its source: importing all of it takes long."""

import ast
import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from pydantic.alias_generators import to_snake

from tests.metrics_api.contract import blank


def folder() -> Path:
    found = find_spec("runai")
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def parsed(path: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a library that we do not maintain
        return ast.parse(path.read_text())


def enumeration(name: str) -> set[str]:
    """The values of an enumeration."""
    (found,) = (
        node
        for node in parsed(folder() / "models" / f"{to_snake(name)}.py").body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    return {str(ast.literal_eval(line.value)) for line in found.body if isinstance(line, ast.Assign)}


def operations() -> Iterator[tuple[str, set[str]]]:
    """Method and path of all that can be asked, and the names of the parameters."""
    for path in sorted((folder() / "api").glob("*_api.py")):
        for function in ast.walk(parsed(path)):
            if isinstance(function, ast.FunctionDef) and "resource_path" in ast.unparse(function):
                yield called(function)


def called(function: ast.FunctionDef) -> tuple[str, set[str]]:
    assigned = {ast.unparse(line.targets[0]): line.value for line in ast.walk(function) if isinstance(line, ast.Assign)}
    path = re.search(r"'(/[^']*)'", ast.unparse(assigned["resource_path"]))
    query = assigned.get("query_params", ast.List([]))
    assert path
    assert isinstance(query, ast.List)
    names = {str(ast.literal_eval(each.elts[0])) for each in query.elts if isinstance(each, ast.Tuple)}
    return f"{ast.literal_eval(assigned['method'])} {blank(path[1]).replace('_', '-')}", names
