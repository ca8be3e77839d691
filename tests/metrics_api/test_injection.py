"""Every operation of the OpenAPI document is sent harmful values, in one parameter or field after the other: nothing
breaks, nothing is told of another tenant or of a file, and no header is made up."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from metrics_api.access.throttle import Throttle
from metrics_api.app import create_app
from metrics_api.body import FORM
from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS
from queries.control.tables import Cluster
from queries.ids import cluster_id
from tests.metrics_api.community import Community, settings_of, settle
from tests.metrics_api.hostile import CONTENT, KNOWN, PRODUCT, Answer, ask, example, values, with_text
from tests.served import HOSTILE, fill

DOCUMENT = describe(ENDPOINTS)
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item if path != "/metrics"
]
"""All but what the service tells of itself to everybody, unless auth.metrics is "required"."""

MADE_UP = values(Path("file"))["header"]

FILTERS = ("where", "filterBy")

OTHERS = ("beta", HOSTILE[1:10], "stranger", "gamma")
"""What belongs to the other tenant."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "secret.csv"
    file.write_text(CONTENT)
    return file


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """Two tenants, with rows of both; nobody is slowed who tries many."""
    folder = tmp_path_factory.mktemp("injection")
    fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Throttle, "wait_seconds", lambda *_: 0)
        app = create_app(settings_of(folder))
        control = app.state.services.control
        settle(control)
        with control.session() as session:
            other = session.get_one(Cluster, cluster_id("gamma")).tenant_id
            session.get_one(Cluster, cluster_id("beta")).tenant_id = other
        yield Community(app, None)  # type: ignore[arg-type]  # requests are made by hand
        app.state.services.stop()


@pytest.fixture(scope="module")
def headers(people: Community) -> dict[str, str]:
    body = {"grantType": "password", "username": "admin@example.com", "password": "correct horse"}
    answer = asyncio.run(ask(people.app, "POST", "/api/v1/token", {}, json.dumps(body).encode(), {}))
    return {"Authorization": f"Bearer {json.loads(answer.body)['accessToken']}"}


Request = tuple[str, dict[str, str], bytes, str]
"""Path, query, body, and where the harm is."""


def base(operation: dict[str, Any], place: str) -> dict[str, str]:
    """What an operation must be given there, as the document says."""
    return {
        each["name"]: KNOWN.get(each["name"]) or listed(example(each["schema"], SCHEMAS))
        for each in required(operation)
        if each["in"] == place
    }


def listed(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def encoded(body: Any, media_type: str) -> bytes:
    return (urlencode(body) if media_type == FORM else json.dumps(body)).encode()


def requests(path: str, operation: dict[str, Any], text: str) -> Iterator[Request]:
    """All ways to put a text into a request of an operation."""
    in_path, in_query = base(operation, "path"), base(operation, "query")
    content = operation.get("requestBody", {}).get("content", {})
    media_type, schema = next(((name, each["schema"]) for name, each in content.items()), ("", {}))
    body = encoded(example(schema, SCHEMAS), media_type) if schema else b""
    for each in operation.get("parameters", []):
        name = each["name"]
        if each["in"] == "path":
            yield path.format(**in_path | {name: text}), in_query, body, name
        else:
            yield path.format(**in_path), in_query | {name: text}, body, name
            if name in FILTERS:
                yield path.format(**in_path), in_query | {name: f"project=={text}"}, body, f"{name} =="
    for place, value in enumerate(with_text(schema, SCHEMAS, text) if schema else []):
        yield path.format(**in_path), in_query, encoded(value, media_type), f"body {place}"
    if not operation.get("parameters") or text == MADE_UP:
        yield path.format(**in_path), in_query | {text: text}, body, "made-up parameter"


def problem(answer: Answer) -> str | None:
    """What is wrong with an answer to a harmful request."""
    text = answer.text
    if answer.status >= 500:
        return "it fails"
    if answer.status >= 400 and not set(json.loads(text)) & {"message", "error"}:
        return "the error has another shape"
    if CONTENT in text or "root:x:" in text:
        return "it tells of a file"
    if PRODUCT in text:
        return "it is a template"
    if told := [name for name in OTHERS if name in text]:
        return f"it tells of another tenant: {told}"
    if any(name == b"x-injected" or set(value) & set(b"\r\n\0") for name, value in answer.headers):
        return "a header is made up"
    return None


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_harmful_values_do_no_harm(
    method: str, path: str, people: Community, headers: dict[str, str], file: Path
) -> None:
    """A statement is put everywhere; of the others each parameter gets every second, and the next one the rest."""
    operation = DOCUMENT["paths"][path][method.lower()]
    media_type = next(iter(operation.get("requestBody", {}).get("content", {})), "application/json")

    async def walk() -> list[str]:
        found = []
        for number, (kind, text) in enumerate(values(file).items()):
            for place, (where, query, body, name) in enumerate(requests(path, operation, text)):
                if number and (number + place + len(path)) % 2:
                    continue
                answer = await ask(people.app, method, where, query, body, headers | {"Content-Type": media_type})
                if wrong := problem(answer):
                    found.append(f"{name}, {kind}: {wrong}: {answer.status} {answer.text[:300]}")
        return found

    assert asyncio.run(walk()) == []


def test_the_walk_gets_past_the_checks_of_most_operations(people: Community, headers: dict[str, str]) -> None:
    """What is sent beside the harm is right, as far as the document says what is."""

    async def status(method: str, path: str) -> int:
        operation = DOCUMENT["paths"][path][method.lower()]
        where, query, body, _ = list(requests(path, {**operation, "parameters": required(operation)}, MADE_UP))[-1]
        query.pop(MADE_UP)
        return (await ask(people.app, method, where, query, body, headers)).status

    async def refused() -> list[tuple[str, str]]:
        return [operation for operation in OPERATIONS[::3] if await status(*operation) in (400, 401, 415)]

    assert len(asyncio.run(refused())) < len(OPERATIONS[::3]) / 3


def required(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in operation.get("parameters", []) if each["required"]]


def test_after_all_that_everything_is_still_there(people: Community, headers: dict[str, str]) -> None:
    query = {"start": KNOWN["start"], "end": KNOWN["end"], "by": "cluster,project"}
    answer = asyncio.run(ask(people.app, "GET", "/api/v1/ledger", query, b"", headers))
    assert {(row["cluster"], row["project"]) for row in json.loads(answer.body)["data"]} >= {("alpha", "a")}
    users = asyncio.run(ask(people.app, "GET", "/api/v1/users", {}, b"", headers))
    assert "viewer@example.com" in users.text
