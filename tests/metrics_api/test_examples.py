"""The examples of the OpenAPI document: every operation has them, they are what their schemas say, and can be sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from starlette.applications import Starlette
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.endpoint import Endpoint, schema_of
from metrics_api.examples import TOLD, Examples
from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS
from queries.control.applications import create_application
from queries.control.organisation import Found, register
from queries.control.roles import ADMINISTRATOR
from queries.control.rules import NewRule
from queries.control.users import create_user
from tests.served import settings_for

DOCUMENT = describe(ENDPOINTS)

NOT_HERE = (403, 404, 409)
"""What is asked rightly is refused: a thing of the example is not there, or is there already; an access key makes no others."""

EVERYWHERE = NewRule(ADMINISTRATOR.id, "tenant", "1")

of_every_operation = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")


def operation_of(endpoint: Endpoint) -> dict[str, Any]:
    return dict(DOCUMENT["paths"][endpoint.path][endpoint.method.lower()])


def body_of(operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Its media type, and what is said of it."""
    ((media_type, told),) = operation["requestBody"]["content"].items()
    return media_type, told


def example_of(model: str) -> Any:
    return Examples(DOCUMENT["components"]["schemas"], is_request=True).of({"$ref": f"#/components/schemas/{model}"})


def problems(schema: dict[str, Any], example: object) -> list[str]:
    validator = OAS31Validator(
        schema | {"components": DOCUMENT["components"]}, format_checker=OAS31Validator.FORMAT_CHECKER
    )
    return [error.message for error in validator.iter_errors(example)]


@of_every_operation
def test_a_request_has_an_example_that_is_as_it_should_be(endpoint: Endpoint) -> None:
    operation = operation_of(endpoint)
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        assert "example" in parameter or not parameter["required"], parameter["name"]
        if "example" in parameter:
            assert not problems(parameter["schema"], parameter["example"])
    assert not parameters or any("example" in each or each["schema"].get("default") for each in parameters)
    if "requestBody" in operation:
        _, told = body_of(operation)
        assert not problems(told["schema"], told["example"])


@of_every_operation
def test_an_answer_has_an_example_that_is_as_it_should_be(endpoint: Endpoint) -> None:
    for status, response in operation_of(endpoint)["responses"].items():
        named = response.get("$ref", "").rpartition("/")[2]
        content = (DOCUMENT["components"]["responses"][named] if named else response).get("content", {})
        examples = [(told["schema"], told["example"]) for told in content.values() if "example" in told]
        assert examples or status == "204"
        for schema, example in examples:
            assert not problems(schema, example)
            assert example or not schema_has_fields(schema)


def schema_has_fields(schema: dict[str, Any]) -> bool:
    model = schema.get("$ref", "").rpartition("/")[2]
    return not model or bool(DOCUMENT["components"]["schemas"][model].get("properties"))


def test_examples_are_of_models_that_there_are() -> None:
    models = [schema_of(each.query, "validation", "{model}") for each in ENDPOINTS if each.query]
    named = [(schema["title"], schema) for schema, _ in models] + list(DOCUMENT["components"]["schemas"].items())
    fields = {(name, field) for name, schema in named for field in schema.get("properties", ())}
    assert {(model, field) for model, told in TOLD["models"].items() for field in told} <= fields
    assert set(TOLD["answers"]) <= {endpoint.operation_id for endpoint in ENDPOINTS}


def test_a_schema_that_says_nothing_has_an_example_all_the_same() -> None:
    inner = {"type": "object", "properties": {"held_seconds": {"type": "number"}, "again": {"$ref": "#/x/Inner"}}}
    schema = {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": ["b", "a"]},
            "count": {"type": "integer", "minimum": 5},
            "inner": {"anyOf": [{"type": "null"}, {"$ref": "#/x/Inner"}]},
            "createdAt": {"type": "string", "format": "date-time"},
            "letters": {"type": "array", "items": {"type": "string"}},
        },
    }
    assert Examples({"Inner": inner}).of(schema) == {
        "kind": "b",
        "count": 5,
        "inner": {"held_seconds": 3600, "again": {}},
        "createdAt": "2025-03-03T00:00:00Z",
        "letters": ["letters"],
    }
    assert Examples({"Inner": inner}, is_request=True).of(schema) == {"kind": "b"}


@pytest.fixture(scope="module")
def app(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """With the accounts of the examples, in a control database in which anything may be changed."""
    settings = settings_for(folder)
    control = f"sqlite:///{tmp_path_factory.mktemp('control') / 'control.sqlite'}"
    store = settings.store.model_copy(update={"control": control})
    app = create_app(settings.model_copy(update={"store": store}))
    register(app.state.services.control, Found(frozenset({"alpha"}), projects=frozenset({("alpha", "llm")})), ())
    person, program = example_of("TokenRequest"), example_of("AppTokenRequest")
    create_user(app.state.services.control, person["username"], person["password"], rules=(EVERYWHERE,))
    create_user(
        app.state.services.control, "caller", example_of("PasswordChange")["currentPassword"], rules=(EVERYWHERE,)
    )
    create_application(app.state.services.control, program["id"], program["id"], program["secret"])
    yield app
    app.state.services.stop()


@pytest.fixture(scope="module")
def key(app: Starlette) -> str:
    """An access key of the caller: it stays good when passwords change."""
    password = example_of("PasswordChange")["currentPassword"]
    body = {"grantType": "password", "username": "caller", "password": password}
    client = TestClient(app)
    token = client.post("/api/v1/token", json=body).json()["accessToken"]
    made = client.post("/api/v1/access-keys", json={"name": "caller"}, headers={"Authorization": f"Bearer {token}"})
    return str(made.json()["clientSecret"])


@of_every_operation
def test_the_example_can_be_sent(endpoint: Endpoint, app: Starlette, key: str) -> None:
    operation = operation_of(endpoint)
    given = {
        (each["in"], each["name"]): each["example"] for each in operation.get("parameters", []) if "example" in each
    }
    path = endpoint.path.format(**{name: value for (where, name), value in given.items() if where == "path"})
    query = {name: value for (where, name), value in given.items() if where == "query"}
    sent: dict[str, Any] = {}
    if "requestBody" in operation:
        media_type, told = body_of(operation)
        sent = {"json" if media_type == "application/json" else "data": told["example"]}
    headers = {} if endpoint.is_public else {"Authorization": f"Bearer {key}"}
    answer = TestClient(app).request(endpoint.method, path, params=query, headers=headers, **sent)
    assert answer.status_code in (endpoint.status, *endpoint.produces.also, *NOT_HERE), answer.text
