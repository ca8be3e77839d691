"""What somebody sends who means harm: values for every parameter, and requests as they come over the wire."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.types import Message

from queries.ids import cluster_id, node_id, project_id

CONTENT = "content of a file 8c1f"
"""Of a file that nobody may read."""

FACTORS, PRODUCT = "7919 * 7907", "62615533"
"""What a template would make of what it is told to multiply."""


def values(file: Path) -> dict[str, str]:
    """By what each tries; file: has the content."""
    return {
        "statement": "'; drop table projects; --",
        "condition": f"\") or 1=1 union all select * from read_text('{file}') --",
        "template": "{{ " + FACTORS + " }}{% include '" + str(file) + "' %}{0.__class__}%s",
        "path": f"../../../../../../../..{file}",
        "NUL": "a\0b",
        "header": "a\r\nX-Injected: yes\r\n\r\n<script>",
        "long": "a" * 5_000,
        "characters": "=cmd|' /C calc'!A0 %_*?[a-z](((a+)+)+)+$ \u202egnp.exe\u2066 \ufeff \U0001f4a5 e\u0301 \ufdd0",
        "number": "-99999999999999999999999999999999999999",
    }


@dataclass
class Answer:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


async def ask(
    app: Starlette, method: str, path: str, query: dict[str, str], body: bytes, headers: dict[str, str]
) -> Answer:
    """What an app answers; no client makes the request nicer than it is. path: after it is decoded."""
    answer = Answer()
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": urlencode(query, errors="surrogatepass").encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("192.0.2.1", 1),
        "server": ("test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }

    bodies = iter([body])

    async def receive() -> Message:
        for piece in bodies:
            return {"type": "http.request", "body": piece, "more_body": False}
        return await asyncio.Future()  # the client stays

    async def send(message: Message) -> None:
        answer.status = message.get("status", answer.status)
        answer.headers += message.get("headers", [])
        answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer


KNOWN = {
    "start": "2025-03-03T00:00:00Z",
    "end": "2025-03-03T02:00:00Z",
    "from": "2025-03-03T00:00:00Z",
    "to": "2025-03-03T02:00:00Z",
    "time": "2025-03-03T00:00:00Z",
    "metric": "gpus_busy",
    "metricType": "GPU_UTILIZATION",
    "query": "runai_gpu_utilization_per_node",
    "step": "1h",
    "by": "project",
    "key": "project",
    "email": "somebody@example.com",
    "target": "gpus_busy",
    "where": "project==a",
    "cluster": "alpha",
    "gpu": "alpha-0",
    "cluster_uuid": cluster_id("alpha"),
    "node_id": node_id("alpha", "alpha-1"),
    "project_id": project_id("alpha", "a"),
}
"""What is right, by the name of a parameter or a field, where the document does not say it."""


def example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value that a schema of the OpenAPI document allows, with no more than it must have."""
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for given in ("const", "default", "example"):
        if given in schema:
            return schema[given]
    if "enum" in schema:
        return schema["enum"][0]
    for kinds in ("anyOf", "oneOf", "allOf"):
        if kinds in schema:
            return example(schema[kinds][0], schemas)
    if schema.get("type") == "object":
        needed = schema.get("required", [])
        return {name: KNOWN.get(name) or example(schema["properties"][name], schemas) for name in needed}
    if schema.get("type") == "array":
        return [example(schema["items"], schemas)] if schema.get("items") else []
    plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.0), "boolean": False}
    return plain.get(str(schema.get("type")), "text")


def with_text(schema: dict[str, Any], schemas: dict[str, Any], text: str, depth: int = 0) -> list[Any]:
    """Values that a schema allows, but that each have a text at another place."""
    if "$ref" in schema:
        return with_text(schemas[schema["$ref"].rpartition("/")[2]], schemas, text, depth)
    kinds = [kind for name in ("anyOf", "oneOf", "allOf") for kind in schema.get(name, [])]
    if kinds:
        found = [value for kind in kinds for value in with_text(kind, schemas, text, depth)]
        return [value for place, value in enumerate(found) if value not in found[:place]]
    if schema.get("type") == "object" and depth < 4:
        base = example(schema, schemas)
        free = [{text: text}] if schema.get("additionalProperties") else []
        fields = schema.get("properties", {}).items()
        return free + [
            base | {name: value} for name, field in fields for value in with_text(field, schemas, text, depth + 1)
        ]
    if schema.get("type") == "array":
        return [[value] for value in with_text(schema.get("items", {}), schemas, text, depth)]
    is_text = "string" in schema.get("type", "string")  # of which there may be several
    return [text] if is_text else []
