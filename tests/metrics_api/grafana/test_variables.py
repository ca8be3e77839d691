from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.grafana.targets import LISTS
from queries.catalogue import DIMENSIONS, METRICS
from queries.lake import Lake
from queries.window import Window
from tests.metrics_api.grafana.panels import FOUR_HOURS
from tests.queries.committer import sketch
from tests.served import HOSTILE, settings_for


def post(client: TestClient, path: str, body: object = None) -> Any:
    answer = client.post(f"/grafana{path}", json=body) if body is not None else client.post(f"/grafana{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_search_lists_the_targets_that_contain_a_text(client: TestClient) -> None:
    assert set(post(client, "/search", {"target": ""})) == {"ledger", *LISTS, *METRICS}
    assert post(client, "/search", {"type": "timeseries", "target": "power"}) == ["gpu_power_watts"]


def test_metrics_come_with_the_fields_that_each_can_have(client: TestClient) -> None:
    for body in ({}, {"metric": "gpus_busy", "payload": {"by": ["cluster"]}}):
        choices = {choice["value"]: choice for choice in post(client, "/metrics", body)}
        assert set(choices) == {"ledger", *LISTS, *METRICS}
        assert all(isinstance(field["name"], str) for choice in choices.values() for field in choice["payloads"])
    fields = {field["name"]: field for field in choices["gpus_quota"]["payloads"]}
    assert [option["value"] for option in fields["by"]["options"]] == list(METRICS["gpus_quota"].dimensions)
    assert "node" not in fields
    assert "options" not in fields["project"]  # so that they are asked for


def test_a_field_without_values_has_no_options(client: TestClient) -> None:
    answer = client.post(
        "/grafana/metric-payload-options", json={"metric": "gpus_busy", "payload": {}, "name": "limit"}
    )
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("name = 'limit': no such field has options; there are: by, step, tz, ")


def test_what_says_no_time_is_told_the_names_of_the_last_month(recent: TestClient) -> None:
    fields = {"metric": "gpus_busy", "payload": {}, "name": "project"}
    assert post(recent, "/metric-payload-options", fields) == [{"label": "team", "value": "team"}]
    assert post(recent, "/search", {"target": "project"}) == ["team"]


@pytest.fixture
def recent(tmp_path: Path) -> Iterator[TestClient]:
    """A lake that was collected a week ago."""
    hour = Window.hour_of(datetime.now(UTC) - timedelta(days=7))
    lake = Lake(str(tmp_path))
    lake.create()
    lake.replace(hour, sketch(hour.start).book().of(hour))
    with TestClient(create_app(settings_for(tmp_path, "off"))) as client:
        yield client


@pytest.mark.parametrize(
    "payload", ["project", {"target": "project"}, {"target": "project", "cluster": ["alpha", "beta"]}]
)
def test_a_variable_lists_the_values_of_a_dimension(client: TestClient, payload: object) -> None:
    options = post(client, "/variable", {"payload": payload, "range": FOUR_HOURS, "rangeRaw": {}})
    assert options == [{"__text": name, "__value": name} for name in (HOSTILE, "a", "b")]


def test_a_variable_may_depend_on_another(client: TestClient) -> None:
    payload = {"target": "project", "cluster": "alpha"}
    options = post(client, "/variable", {"payload": payload, "range": FOUR_HOURS})
    assert [option["__value"] for option in options] == ["a", "b"]


@pytest.mark.parametrize(("target", "expected"), [("metrics", list(METRICS)), ("dimensions", list(DIMENSIONS))])
def test_a_variable_may_list_names(client: TestClient, target: str, expected: list[str]) -> None:
    assert [option["__value"] for option in post(client, "/variable", {"payload": {"target": target}})] == expected


@pytest.mark.parametrize("body", [{"payload": {"target": "team"}}, {"payload": ""}, {}, None])
def test_a_variable_that_lists_nothing_is_told_what_there_is(client: TestClient, body: object) -> None:
    answer = client.post("/grafana/variable", json=body) if body is not None else client.post("/grafana/variable")
    assert answer.status_code == 400
    assert "write metrics, dimensions, classes, or one of these: cluster, " in answer.json()["message"]


@pytest.mark.parametrize("body", [None, {}, {"filters": [], "timeRange": FOUR_HOURS, "queries": []}])
def test_filters_can_be_on_every_dimension(client: TestClient, body: object) -> None:
    assert post(client, "/tag-keys", body) == [{"type": "string", "text": name} for name in DIMENSIONS]


def test_the_values_of_a_filter_are_those_that_the_other_filters_leave(client: TestClient) -> None:
    body: dict[str, Any] = {"key": "project", "timeRange": FOUR_HOURS}
    assert [value["text"] for value in post(client, "/tag-values", body)] == [HOSTILE, "a", "b"]
    body["filters"] = [
        {"key": "cluster", "operator": "=", "value": "alpha"},
        {"key": "project", "operator": "=", "value": "a"},
    ]
    assert [value["text"] for value in post(client, "/tag-values", body)] == ["a", "b"]


def test_an_unknown_key_is_named(client: TestClient) -> None:
    answer = client.post("/grafana/tag-values", json={"key": "team"})
    assert (answer.status_code, answer.json()["message"][:13]) == (400, "key = 'team':")
