"""Examples: what a value of a JSON schema looks like. Whole examples are put together of those of their fields: what
examples.toml or the field itself says of it in its model, else its enumeration or default, else what examples.toml has
for its name, else its type."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from queries.ids import cluster_id, department_id, node_id, node_pool_id, pod_id, project_id, workload_id

TOLD: dict[str, dict[str, Any]] = tomllib.loads(files("metrics_api").joinpath("examples.toml").read_text())

IDENTIFIER = "6f1c2f09-a7d4-4c52-9a7d-4c52e4b1c2f0"

IDS = {
    "cluster": cluster_id("alpha"),
    "department": department_id("alpha", "language"),
    "nodepool": node_pool_id("alpha", "h100"),
    "node": node_id("alpha", "alpha-1"),
    "project": project_id("alpha", "llm"),
    "workload": workload_id("alpha", "llm", "Job", "train"),
    "pod": pod_id("alpha", "llm", "train-0"),
    "scope": project_id("alpha", "llm"),
}
"""Ids follow from names, here from those of the demo."""

FORMATS = {"date-time": "2025-03-03T00:00:00Z", "date": "2025-03-03", "uuid": IDENTIFIER}

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Examples:
    """Examples of schemas that refer to others. A request has the fields that it must have, and those that say what
    they could be; an answer has all."""

    schemas: Mapping[str, Schema]
    is_request: bool = False

    def of(self, schema: Schema, name: str = "", within: tuple[str, ...] = ()) -> Any:
        """name: the field's; within: the models around it, of which none is begun again."""
        for told in candidates(schema, name, within):
            return told
        if "$ref" in schema:
            model = schema["$ref"].rpartition("/")[2]
            return {} if model in within else self.of(self.schemas[model], name, (*within, model))
        kinds = [kind for kind in schema.get("anyOf", schema.get("oneOf", ())) if kind != {"type": "null"}]
        if kinds:
            return self.of(kinds[0], name, within)
        match kind_of(schema):
            case "object":
                return self.fields(schema, within)
            case "array":
                return [self.of(item, name, within) for item in items(schema)]
            case "string":
                return text(schema, name)
            case "integer" | "number":
                return number(schema, name)
            case "boolean":
                return True
        return None

    def fields(self, schema: Schema, within: tuple[str, ...]) -> dict[str, Any]:
        required = schema.get("required", ())
        told = {
            name: self.of(field, name, within)
            for name, field in schema.get("properties", {}).items()
            if not self.is_request or name in required or own(field, name, within)
        }
        others = schema.get("additionalProperties")
        return told or ({"name": self.of(others, "", within)} if isinstance(others, dict) else {})


def own(schema: Schema, name: str, within: tuple[str, ...]) -> list[Any]:
    """What is said of this field alone."""
    told = TOLD["models"].get(within[-1], {}) if within else {}
    return [told[name]] if name in told else list(schema.get("examples", ()))


def candidates(schema: Schema, name: str, within: tuple[str, ...]) -> list[Any]:
    """What is said of a value: the first is taken."""
    named, default = TOLD["fields"].get(name), schema.get("default")
    said = own(schema, name, within)
    if said or "const" in schema:
        return said or [schema["const"]]
    if "enum" in schema:
        return [named] if named in schema["enum"] else list(schema["enum"])
    if default not in (None, "", [], {}):
        return [default]
    return [named] if is_a(named, kind_of(schema)) else []


def items(schema: Schema) -> list[Schema]:
    return list(schema.get("prefixItems", [schema["items"]] if schema.get("items") else []))


def kind_of(schema: Schema) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "")
    return str(kind[0] if isinstance(kind, list) else kind)


def is_a(value: object, kind: str) -> bool:
    return isinstance(value, TYPES.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))


def text(schema: Schema, name: str) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    plain = name.lower().replace("_", "")
    for end in ("uuid", "ids", "id"):
        if plain.endswith(end):
            return IDS.get(plain.removesuffix(end), IDENTIFIER)
    return name or "text"


def number(schema: Schema, name: str) -> float:
    """By its unit, within its bounds."""
    found: float = next((value for unit, value in TOLD["units"].items() if name.endswith(unit)), 1)
    raised: float = max(found, schema.get("minimum", found))
    lowered: float = min(raised, schema.get("maximum", raised))
    return lowered
