import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient
from typer.testing import CliRunner

from metrics_api.cli import app as cli
from metrics_api.document import Document
from metrics_api.formats import MEDIA_TYPES
from metrics_api.routes import ENDPOINTS
from queries.catalogue import STATISTICS


@pytest.fixture
def document(anonymous: TestClient) -> dict[str, Any]:
    return dict(anonymous.get("/openapi.json").json())


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_endpoint_is_in_it_with_its_parameters(document: dict[str, Any]) -> None:
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"] == endpoint.summary
        assert operation["description"]
        assert operation["security"] == ([] if endpoint.is_public else [{scheme: []} for scheme in endpoint.schemes])
        names = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
        in_query = {
            ("query", field.alias or name)
            for name, field in (endpoint.query.model_fields if endpoint.query else {}).items()
        }
        assert names == in_query | {("path", name) for name in endpoint.in_path}


def test_what_a_range_can_be_asked_is_described(document: dict[str, Any]) -> None:
    told = {each["name"]: each for each in document["paths"]["/api/v1/metrics/range"]["get"]["parameters"]}
    for name in ("stat", "over", "step", "tz", "order_by", "limit", "others"):
        assert told[name]["description"]
    assert told["stat"]["schema"]["enum"] == list(STATISTICS)
    assert told["over"]["schema"]["enum"] == ["gpus", "time"]
    assert re.fullmatch(told["step"]["schema"]["pattern"], "1mo")


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_the_forms_of_an_answer_are_told(document: dict[str, Any]) -> None:
    content = document["paths"]["/api/v1/ledger"]["get"]["responses"]["200"]["content"]
    assert set(content) == set(MEDIA_TYPES)


def test_the_command_prints_the_same(document: dict[str, Any]) -> None:
    assert json.loads(CliRunner().invoke(cli, ["openapi"]).output) == document


def test_what_the_document_is_made_of_is_described(document: dict[str, Any]) -> None:
    used = {tag for path in document["paths"].values() for operation in path.values() for tag in operation["tags"]}
    assert {tag["name"] for tag in document["tags"] if tag["description"]} == used
    assert document["servers"] == [{"url": "/", "description": "The service that this document is from."}]
    asked = {name for each in ENDPOINTS if not each.is_public for name in each.schemes}
    assert {
        name for name, scheme in document["components"]["securitySchemes"].items() if scheme["description"]
    } == asked


def test_what_will_go_away_is_marked(document: dict[str, Any]) -> None:
    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert operation.get("deprecated", False) == bool(endpoint.deprecated)
        assert str(endpoint.deprecated or "") in operation["description"]


def test_no_two_models_have_one_name() -> None:
    """The schemas of one would stand for both."""
    schemas: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        alone = Document()
        alone.add(endpoint)
        for name, schema in alone.schemas.items():
            assert schemas.setdefault(name, schema) == schema, name


def test_a_status_that_is_refused_is_told_in_the_form_of_the_endpoint(document: dict[str, Any]) -> None:
    def refused(path: str, method: str, status: str) -> str:
        reference = document["paths"][path][method]["responses"][status]["$ref"]
        return str(reference).rpartition("/")[2]

    assert refused("/api/v1/users/{user_id}", "get", "404") == "Error404"
    assert refused("/api/v1/users", "post", "409") == "Error409"
    assert refused("/api/v2/token", "post", "401") == "OAuthError401"
    assert refused("/grafana/query", "post", "400") == "DatasourceError400"
    assert refused("/api/datasources/proxy/{datasource}/api/v1/query", "get", "422") == "PrometheusError422"
    assert "401" not in document["paths"]["/healthz"]["get"]["responses"]
    assert document["components"]["responses"]["Error404"]["content"]["application/json"]["example"]["code"] == 404
