"""OpenAPI: the 3.1 document, generated from the route table."""

import inspect
from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from metrics_api.endpoint import Endpoint, schema_of

TEMPLATE = "#/components/schemas/{model}"

DESCRIPTION = """\
One ledger for every GPU-second, over all clusters: busy, idle, held, free, unattributed, unavailable, unknown.
Their sum is the capacity.

* allocated = busy + idle + held.
* Utilization of a holder = busy / (busy + idle); of a fleet = (busy + unattributed) / measured.
* Coverage of utilization = measured / capacity. An allocation ratio names its denominator: capacity, or known capacity.
* Missing is never zero: every answer carries its coverage, how fresh each cluster is, and what is missing.
* Ratios run from 0 to 1, units are in the names, times are UTC, intervals are half open.
"""


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document of some endpoints."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Metrics API", "version": version("metrics-api"), "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    produced = endpoint.produces
    error = reference(endpoint.error, "serialization", schemas)
    content: dict[str, Any] = {}
    if produced.model:
        content = {"application/json": {"schema": reference(produced.model, "serialization", schemas)}}
    if produced.media_types:
        text = {"schema": {"type": "string"}}
        content = {
            media_type: content["application/json"] if media_type == "application/json" else text
            for media_type in produced.media_types
        }
    described: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "description": inspect.getdoc(endpoint.handler) or "",
        "tags": [endpoint.tag],
        "security": [] if endpoint.is_public else [{scheme: []} for scheme in endpoint.schemes],
        "responses": {
            str(endpoint.status): {"description": "The answer."} | ({"content": content} if produced.model else {}),
            "default": {
                "description": "What went wrong, and what would be right.",
                "content": {"application/json": {"schema": error}},
            },
        },
    }
    for status in produced.also:
        described["responses"][str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    if not endpoint.is_public:
        described["responses"]["429"] = too_many(error)
    if endpoint.deprecated:
        described["deprecated"] = True
        described["description"] += f"\n\n{endpoint.deprecated}"
    if endpoint.query or endpoint.in_path:
        in_query = parameters(endpoint.query, schemas) if endpoint.query else []
        described["parameters"] = [in_path(name, hint) for name, hint in endpoint.in_path.items()] + in_query
    if endpoint.body:
        described["requestBody"] = {
            "required": True,
            "content": {endpoint.media_type: {"schema": reference(endpoint.body, "validation", schemas)}},
        }
    return described


def too_many(error: dict[str, Any]) -> dict[str, Any]:
    retry = {"description": "In how many seconds to try again.", "schema": {"type": "integer", "minimum": 1}}
    return {
        "description": "More requests in a minute than may be (limits.requests_per_minute).",
        "headers": {"Retry-After": retry},
        "content": {"application/json": {"schema": error}},
    }


def in_path(name: str, hint: Any) -> dict[str, Any]:
    schema, _ = schema_of(hint, "validation", TEMPLATE)
    return {"name": name, "in": "path", "required": True, "schema": schema}


def parameters(query: type[BaseModel], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    schema, referred = schema_of(query, "validation", TEMPLATE)
    schemas |= referred
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field.pop("description", ""),
            "schema": without_null(field),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out cannot be given as null."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    described = {
        name: value
        for name, value in field.items()
        if name not in ("anyOf", "title", "default") or (name == "default" and value is not None)
    }
    return described | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds}) if kinds else described


def reference(model: Any, mode: str, schemas: dict[str, Any]) -> dict[str, Any]:
    schema, referred = schema_of(model, mode, TEMPLATE)
    schemas |= referred
    if isinstance(model, type) and issubclass(model, BaseModel):
        schemas[model.__name__] = schema
        return {"$ref": TEMPLATE.format(model=model.__name__)}
    return schema
