"""OpenAPI: the 3.1 document, generated from the route table."""

import inspect
from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from metrics_api.endpoint import Endpoint, schema_of
from metrics_api.examples import TOLD, Examples, own
from metrics_api.formats import MEDIA_TYPE_OF
from metrics_api.refusals import WHY, refusals

TEMPLATE = "#/components/schemas/{model}"

TEXT, PACKED = {"schema": {"type": "string"}}, {"schema": {"type": "string", "format": "binary"}}

BINARY = (MEDIA_TYPE_OF["parquet"], MEDIA_TYPE_OF["arrow"])

DESCRIPTION = """\
One ledger for every GPU-second, over all clusters: busy, idle, held, free, unattributed, unavailable, unknown.
Their sum is the capacity.

* allocated = busy + idle + held.
* Utilization of a holder = busy / (busy + idle); of a fleet = (busy + unattributed) / measured.
* Coverage of utilization = measured / capacity. An allocation ratio names its denominator: capacity, or known capacity.
* Missing is never zero: every answer carries its coverage, how fresh each cluster is, and what is missing.
* Ratios run from 0 to 1, units are in the names, times are UTC, intervals are half open.
"""


TAGS = {
    "Access": "Who may ask: tokens, users, service accounts, access keys, access rules, roles, and the audit log.",
    "Clusters": "The clusters that are collected, and how complete what is known of them is.",
    "Departments": "Departments, their quotas and what they used.",
    "Deprecated": "What Run:ai's earlier APIs had; answers say until when it stays, and what takes its place.",
    "Exports": "Whole datasets, streamed.",
    "Grafana": "What Grafana's datasources ask. Sign in with a client id and its secret, or as everywhere.",
    "Health": "Whether the service lives and can answer; its own metrics.",
    "Ledger": "Where every GPU-second went, what it cost, and why it stands where it stands.",
    "Metrics": "Metrics over time and now: of everything by any dimension, and of one thing as Run:ai has it.",
    "Node pools": "Node pools, by cluster.",
    "Nodes": "Nodes, and what is on them.",
    "Projects": "Projects, their quotas and what they used.",
    "Reports": "What was consumed, as CSV.",
    "Telemetry": "One number now, or one for each group, over all clusters.",
    "Waste": "Who held GPUs in vain, and how long workloads waited.",
    "Workloads": "Workloads and their pods: what they are, what they used, and over their life.",
}
"""What the parts of the document are about."""

SIGN_IN = "A token of POST /api/v1/token, or an access key, as it is: tools write Bearer before it themselves."


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document of some endpoints."""
    document = Document()
    for endpoint in endpoints:
        document.add(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Metrics API",
            "version": version("metrics-api"),
            "description": DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The service that this document is from."}],
        "tags": [{"name": tag, "description": TAGS.get(tag, "")} for tag in sorted(document.tags)],
        "paths": document.paths,
        "components": {
            "schemas": dict(sorted(document.schemas.items())),
            "responses": dict(sorted(document.refused.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": SIGN_IN},
                "basic": {"type": "http", "scheme": "basic", "description": "A client id and its secret."},
            },
        },
    }


class Document:
    """The parts of the document, and what they share. schemas, refused: by the names that they are referred to by."""

    def __init__(self) -> None:
        self.paths: dict[str, dict[str, Any]] = {}
        self.tags: set[str] = set()
        self.schemas: dict[str, Any] = {}
        self.refused: dict[str, Any] = {}
        self.asked = Examples(self.schemas, is_request=True)
        self.answered = Examples(self.schemas)

    def add(self, endpoint: Endpoint) -> None:
        self.tags.add(endpoint.tag)
        self.paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = self.operation(endpoint)

    def operation(self, endpoint: Endpoint) -> dict[str, Any]:
        described: dict[str, Any] = {
            "operationId": endpoint.operation_id,
            "summary": endpoint.summary,
            "description": inspect.getdoc(endpoint.handler) or "",
            "tags": [endpoint.tag],
            "security": [] if endpoint.is_public else [{scheme: []} for scheme in endpoint.schemes],
            "responses": self.responses(endpoint),
        }
        if endpoint.deprecated:
            described["deprecated"] = True
            described["description"] += f"\n\n{endpoint.deprecated}"
        if endpoint.query or endpoint.in_path:
            described["parameters"] = [*self.in_path(endpoint), *self.in_query(endpoint)]
        if endpoint.body:
            schema = self.reference(endpoint.body, "validation")
            content = {"schema": schema, "example": self.asked.of(schema)}
            described["requestBody"] = {"required": True, "content": {endpoint.media_type: content}}
        return described

    def responses(self, endpoint: Endpoint) -> dict[str, Any]:
        content = self.content(endpoint)
        described = {"description": "The answer."} | ({"content": content} if content else {})
        answers: dict[str, Any] = {str(endpoint.status): described}
        for status in endpoint.produces.also:
            answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
        for status in refusals(endpoint):
            answers[str(status)] = self.refusal(endpoint.error, str(status), WHY[status], status)
        return answers | {"default": self.refusal(endpoint.error, "", "What went wrong, and what would be right.")}

    def content(self, endpoint: Endpoint) -> dict[str, Any]:
        """By media type. Without a model, there is none."""
        produced = endpoint.produces
        if not produced.model:
            return {}
        schema = self.reference(produced.model, "serialization")
        answer = {"schema": schema, "example": TOLD["answers"].get(endpoint.operation_id) or self.answered.of(schema)}
        if produced.model is str:
            return {media_type: answer if media_type not in BINARY else PACKED for media_type in produced.media_types}
        others = {media_type: PACKED if media_type in BINARY else TEXT for media_type in produced.media_types}
        return {**others, "application/json": answer}

    def refusal(self, model: type[BaseModel], name: str, why: str, status: int = 400) -> dict[str, Any]:
        """A reference to how it is told: all of a status are told alike."""
        name = f"{model.__name__}{name}"
        schema = self.reference(model, "serialization")
        example = self.answered.of(schema) | ({"code": status} if "code" in model.model_fields else {})
        content = {"application/json": {"schema": schema, "example": example}}
        self.refused.setdefault(name, {"description": why, "content": content})
        return {"$ref": f"#/components/responses/{name}"}

    def in_path(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "path", "required": True, "schema": schema, "example": self.asked.of(schema, name)}
            for name, hint in endpoint.in_path.items()
            for schema, _ in [schema_of(hint, "validation", TEMPLATE)]
        ]

    def in_query(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        if not endpoint.query:
            return []
        schema, referred = schema_of(endpoint.query, "validation", TEMPLATE)
        self.schemas |= referred
        required = schema.get("required", [])
        return [
            self.parameter(name, field, name in required, endpoint.query.__name__)
            for name, field in schema.get("properties", {}).items()
        ]

    def parameter(self, name: str, field: dict[str, Any], is_required: bool, model: str) -> dict[str, Any]:
        """With an example, where it has to be given or something is said of what it could be."""
        is_told = is_required or own(field, name, (model,))
        example = {"example": self.asked.of(field, name, (model,))} if is_told else {}
        description, schema = field.pop("description", ""), without_null(field)
        schema.pop("examples", None)
        return {
            "name": name,
            "in": "query",
            "required": is_required,
            "description": description,
            "schema": schema,
        } | example

    def reference(self, model: Any, mode: str) -> dict[str, Any]:
        schema, referred = schema_of(model, mode, TEMPLATE)
        self.schemas |= referred
        if isinstance(model, type) and issubclass(model, BaseModel):
            self.schemas[model.__name__] = schema
            return {"$ref": TEMPLATE.format(model=model.__name__)}
        return schema


def without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out cannot be given as null."""
    kinds = [kind for kind in field.get("anyOf", []) if kind != {"type": "null"}]
    described = {
        name: value
        for name, value in field.items()
        if name not in ("anyOf", "title", "default") or (name == "default" and value is not None)
    }
    return described | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds}) if kinds else described
