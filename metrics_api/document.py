"""Document: endpoints as operations of OpenAPI 3.1, and the schemas and refusals that they share."""

import inspect
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from metrics_api.endpoint import Endpoint, schema_of
from metrics_api.examples import TOLD, Examples, own
from metrics_api.formats import MEDIA_TYPE_OF
from metrics_api.refusals import HEADERS, WHY, refusals

TEMPLATE = "#/components/schemas/{model}"

TEXT, PACKED = {"schema": {"type": "string"}}, {"schema": {"type": "string", "format": "binary"}}

BINARY = (MEDIA_TYPE_OF["parquet"], MEDIA_TYPE_OF["arrow"])


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
        headers = {"headers": HEADERS[status]} if status in HEADERS else {}
        self.refused.setdefault(name, {"description": why, **headers, "content": content})
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
