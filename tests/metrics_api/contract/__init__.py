"""What Run:ai's API is, as tables; and our OpenAPI document, so that they can be compared."""

import re
import tomllib
from pathlib import Path
from typing import Any

from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS

Schema = dict[str, Any]

DOCUMENT = describe(ENDPOINTS)


def read_table(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text())


def blank(path: str) -> str:
    """A path whose parameters have no names."""
    return re.sub(r"{\w+}", "{}", path)


OPERATIONS: dict[str, Schema] = {
    f"{method.upper()} {blank(path)}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
"""By method and path."""


def resolved(schema: Schema) -> Schema:
    """Without references at its top, and without null."""
    if "$ref" in schema:
        *_, part, name = schema["$ref"].split("/")
        return resolved(DOCUMENT["components"][part][name])
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return resolved(kinds[0]) if kinds else schema


def content(told: Schema) -> Schema:
    """What a body or an answer is; of a list, one of it."""
    content = told.get("content", {})
    schema = resolved(next(iter(content.values()))["schema"]) if content else {}
    return resolved(schema["items"]) if schema.get("type") == "array" else schema


def answer_of(operation: Schema, status: str | None = None) -> Schema:
    """What an operation answers with a status, or where all is well."""
    status = status or next(each for each in operation["responses"] if each < "3")
    return content(resolved(operation["responses"][status]))


def values_of(schema: Schema) -> set[str]:
    """What a schema, or one of its items, can be."""
    plain = resolved(schema)
    return set(resolved(plain["items"]).get("enum", ()) if plain.get("type") == "array" else plain.get("enum", ()))
