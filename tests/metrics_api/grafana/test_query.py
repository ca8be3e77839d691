from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.grafana import frames, targets
from metrics_api.grafana.steps import Width, aligned_to
from queries.window import HOUR, Window
from tests.metrics_api.grafana.panels import FOUR_HOURS, simple_json, simpod_1, simpod_6
from tests.served import HOSTILE

MIDNIGHT = 1_740_960_000_000
HOURS = [MIDNIGHT + hour * 3_600_000 for hour in range(4)]
YEAR = {"from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
LAST_DAY = {"from": "9999-12-31T00:00:00Z", "to": "9999-12-31T23:59:59Z"}
CENTURY = {"from": "1975-01-01T00:00:00Z", "to": "2075-01-01T00:00:00Z"}
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def post(client: TestClient, request: Mapping[str, object]) -> list[dict[str, Any]]:
    answer = client.post("/grafana/query", json=request)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def told(client: TestClient, target: str, payload: object, **more: object) -> dict[str, Any]:
    (frame,) = post(client, simpod_6(target, payload, **more))
    return frame


def drawn(frame: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """What a panel would draw: a line for each field of numbers, by the name that it shows."""
    numbers = [field for field in frame["fields"] if field["type"] == "number" and field["values"]]
    return {field["config"]["displayNameFromDS"]: field["values"] for field in numbers}


def test_a_frame_has_the_times_once_and_a_field_for_each_group(client: TestClient) -> None:
    frame = told(client, "gpus_busy", {"by": ["cluster"]})
    assert frame["refId"] == "A"
    assert frame["fields"][0] == {"name": "time", "type": "time", "values": HOURS}
    assert [field["labels"] for field in frame["fields"][1:]] == [{"cluster": "alpha"}, {"cluster": "beta"}]
    assert drawn(frame) == {"alpha": [pytest.approx(0.5)] * 4, "beta": [pytest.approx(1)] * 4}


def test_units_follow_from_names(client: TestClient) -> None:
    frame = told(client, "(gpu_utilization_ratio|gpu_power_watts|gpus_busy)", {})
    assert [field["config"].get("unit") for field in frame["fields"][1:]] == ["percentunit", "watt", None]


def test_simple_json_is_answered_with_points(client: TestClient) -> None:
    (series,) = post(client, simple_json("gpus_busy", "timeserie"))
    assert (series["target"], series["refId"]) == ("gpus_busy", "A")
    assert series["datapoints"] == [[pytest.approx(1.5), time] for time in HOURS]


@pytest.mark.parametrize(
    "request_",
    [
        simple_json("ledger", "table"),
        simpod_1("ledger", "table", {"by": ["cluster"], "columns": ["busy_seconds"]}),
        simpod_6("ledger", {"format": "table", "by": "cluster", "columns": "busy_seconds"}),
    ],
)
def test_a_table_is_one_total_with_types(client: TestClient, request_: dict[str, Any]) -> None:
    (table,) = post(client, request_)
    assert table["type"] == "table"
    assert all(column["type"] in ("string", "number") for column in table["columns"])
    names = [column["text"] for column in table["columns"]]
    assert sum(row[names.index("busy_seconds")] for row in table["rows"]) == pytest.approx(1.5 * 4 * 3600)
    if "cluster" in names:
        assert table["rows"] == [["alpha", pytest.approx(7200)], ["beta", pytest.approx(14_400)]]


def test_a_total_of_a_metric_is_weighted_and_not_a_mean_of_steps(client: TestClient) -> None:
    """As in the main API: (0.5 + 1) busy GPUs of 6."""
    frame = told(client, "gpu_utilization_ratio", {"step": "total"})
    assert frame["fields"][0]["values"] == [MIDNIGHT]
    assert drawn(frame) == {"gpu_utilization_ratio": [pytest.approx(0.25)]}


def test_a_table_may_have_steps(client: TestClient) -> None:
    table = told(client, "gpus_busy", {"format": "table", "step": "2h"})
    assert [column["text"] for column in table["columns"]] == ["time", "gpus_busy"]
    assert table["columns"][0]["type"] == "time"
    assert table["rows"] == [[HOURS[0], pytest.approx(1.5)], [HOURS[2], pytest.approx(1.5)]]


@pytest.mark.parametrize("version", ["simpod 0.1", "simpod 0.6"])
@pytest.mark.parametrize("payload", [None, "", {}])
def test_every_empty_payload_is_one(client: TestClient, version: str, payload: object) -> None:
    old, new = simpod_1("gpus_busy", "timeserie", payload), simpod_6("gpus_busy", payload)
    assert len(post(client, old if version == "simpod 0.1" else new)) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["alpha"], 0.5),
        (["alpha", "beta"], 1.5),
        ("beta", 1.0),
        ("(alpha|beta)", 1.5),
        ("{alpha,beta}", 1.5),
        ("alpha,beta", 1.5),
        ("$__all", 1.5),
        (".*", 1.5),
        ("", 1.5),
    ],
)
def test_a_variable_with_several_values_narrows_in_every_spelling(
    client: TestClient, given: object, expected: float
) -> None:
    frame = told(client, "gpus_busy", {"cluster": given, "step": "total"})
    assert drawn(frame) == {"gpus_busy": [pytest.approx(expected)]}


def test_a_name_that_somebody_made_up_to_do_harm_is_a_name(client: TestClient) -> None:
    frame = told(client, "gpus_busy", {"project": [HOSTILE], "by": ["project"], "step": "total"})
    assert drawn(frame) == {HOSTILE: [pytest.approx(1)]}
    assert drawn(told(client, "gpus_busy", {"project": ["' or 1=1 --"], "by": ["project"]})) == {}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([{"key": "cluster", "operator": "=", "value": "alpha"}], 0.5),
        ([{"key": "cluster", "operator": "!=", "value": "alpha"}], 1.0),
        ([{"key": "cluster", "operator": "=~", "value": "al.*|be.."}], 1.5),
        ([{"key": "cluster", "operator": "=~", "value": "al"}], None),
        ([{"key": "cluster", "operator": "!~", "value": "al.*"}], 1.0),
        ([{"key": "cluster", "operator": "<", "value": "b"}], 0.5),
        ([{"key": "cluster", "operator": ">", "value": "b"}], 1.0),
        ([{"key": "cluster", "operator": "=|", "value": "alpha", "values": ["alpha", "beta"]}], 1.5),
        ([{"key": "cluster", "operator": "!=|", "value": "alpha", "values": ["alpha"], "origin": "dashboard"}], 1.0),
        (
            [{"key": "project", "operator": "=", "value": "a"}, {"key": "cluster", "operator": "=", "value": "beta"}],
            None,
        ),
    ],
)
@pytest.mark.parametrize("name", ["filters", "adhocFilters"])
def test_ad_hoc_filters_narrow(
    client: TestClient, name: str, filters: list[dict[str, object]], expected: float | None
) -> None:
    lines = drawn(told(client, "gpus_busy", {"step": "total", "by": ["cluster"]}, **{name: filters}))
    assert sum(value or 0 for values in lines.values() for value in values) == pytest.approx(expected or 0)
    assert bool(lines) == (expected is not None)


def test_both_names_of_filters_count(client: TestClient) -> None:
    first, second = ([{"key": "cluster", "operator": "=", "value": name}] for name in ("alpha", "beta"))
    assert drawn(told(client, "gpus_busy", {"by": ["cluster"]}, filters=first, adhocFilters=second)) == {}


def test_what_is_hidden_or_not_yet_chosen_is_not_answered(client: TestClient) -> None:
    request = simpod_6("gpus_busy", {})
    request["targets"] = [
        {"refId": "A", "target": "gpus_busy", "hide": True},
        {"refId": "B", "target": ""},
        {"refId": "C", "target": "select metric"},
        {"refId": "D"},
        {"refId": "E", "target": "gpus_free", "payload": {}},
    ]
    assert [frame["refId"] for frame in post(client, request)] == ["E"]


@pytest.mark.parametrize(
    "range_",
    [
        {"from": FOUR_HOURS["to"], "to": FOUR_HOURS["from"]},
        {"from": FOUR_HOURS["from"], "to": FOUR_HOURS["from"]},
    ],
)
def test_a_range_without_length_has_no_answer(client: TestClient, range_: dict[str, str]) -> None:
    assert post(client, simpod_6("gpus_busy", {}, range=range_)) == []


def test_where_nothing_is_known_the_fields_are_there_and_it_is_said_what_is_missing(client: TestClient) -> None:
    frame = told(client, "gpus_busy", {}, range={"from": "2025-03-04T00:00:00Z", "to": "2025-03-04T02:00:00Z"})
    assert [(field["name"], field["values"]) for field in frame["fields"]] == [("time", []), ("gpus_busy", [])]
    texts = [notice["text"] for notice in frame["meta"]["notices"]]
    assert [text.split(":")[0] for text in texts] == ["cluster alpha", "cluster beta"]


@pytest.mark.parametrize("form", ["frame", "time_series", "table"])
def test_what_is_missing_is_told_in_every_form(client: TestClient, form: str) -> None:
    later = {"from": "2025-03-03T03:00:00Z", "to": "2025-03-03T06:00:00Z"}
    frame = told(client, "gpus_busy", {"format": form}, range=later)
    assert frame["meta"]["notices"][0]["severity"] == "warning"
    assert "collected until 2025-03-03T04:00:00Z" in frame["meta"]["notices"][0]["text"]
    assert frame["meta"]["custom"] == {"coverage": 1}


def test_a_step_of_which_nothing_is_known_is_a_gap(client: TestClient) -> None:
    later = {"from": "2025-03-03T03:00:00Z", "to": "2025-03-03T06:00:00Z"}
    frame = told(client, "gpus_busy", {"step": "1h"}, range=later)
    assert frame["fields"][1]["values"] == [pytest.approx(1.5), None, None]
    (series,) = post(client, simpod_6("gpus_busy", {"step": "1h", "format": "time_series"}, range=later))
    assert [value for value, _ in series["datapoints"]] == [pytest.approx(1.5), None, None]


def test_a_legend_is_filled_in(client: TestClient) -> None:
    lines = drawn(told(client, "gpus_busy", {"by": ["cluster", "project"], "legend": "{{project}} on {{cluster}}"}))
    assert set(lines) == {"a on alpha", "b on alpha", "(none) on alpha", "b on beta", f"{HOSTILE} on beta"}


def test_too_many_series_are_refused_and_too_many_rows_are_cut(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_SERIES", 1)
    monkeypatch.setattr(frames, "MOST_ROWS", 1)
    never_asked = {"by": "cluster", "where": ["node!=never-asked"]}
    answer = client.post("/grafana/query", json=simpod_6("gpus_busy", never_asked))
    assert (answer.status_code, answer.json()["message"].split(";")[0]) == (400, "2 series")
    table = told(client, "gpus_busy", never_asked | {"format": "table"})
    assert len(table["rows"]) == 1
    assert table["meta"]["notices"][-1]["text"].startswith("the first 1 of 2 rows")


@pytest.mark.parametrize(
    ("target", "payload", "more", "said"),
    [
        ("gpus_bussy", {}, {}, "target: unknown metric 'gpus_bussy'; did you mean 'gpus_busy'?"),
        ("$metric", {}, {}, "target: '$metric' is a variable that the dashboard does not have"),
        ("$__all", {}, {}, "target = '$__all': write a metric"),
        ("(ledger|gpus_busy)", {}, {}, "the ledger and metrics are asked for one by one"),
        ("gpus_busy", {"bye": ["cluster"]}, {}, "unknown payload field 'bye'; did you mean 'by'?"),
        ("gpus_busy", {"by": ["team"]}, {}, "by: unknown dimension 'team'"),
        ("gpus_busy", {"project": "$project"}, {}, "'$project' is a variable that the dashboard does not have"),
        ("gpus_busy", "by project", {}, "payload = 'by project': write a JSON object"),
        ("gpus_busy", {"stat": "max"}, {}, "gpus_busy has no stat 'max'; it has: mean"),
        ("gpus_busy", {"step": "90s"}, {}, "step = 90s: samples are 1m apart"),
        ("gpus_busy", {"step": "soon"}, {}, "step: 'soon' is not a duration"),
        ("gpus_busy", {"step": "total"}, {"range": CENTURY}, "at most 3650d are answered (limits.window)"),
        ("gpus_busy", {}, {"range": LAST_DAY}, "1970"),
        ("gpus_busy", {"step": "1m"}, {"range": YEAR}, "step = 1m: gives 525600 steps; at most 11000 are answered"),
        ("gpus_busy", {"where": ["node!=a"] * 101}, {}, "101 conditions; at most 100 are answered"),
        ("gpus_busy", {}, {"targets": [{"target": "gpus_busy"}] * 101}, "targets"),
        ("gpus_quota", {"by": "node"}, {}, "gpus_quota is not known by node"),
        ("ledger", {"columns": "busy"}, {}, "columns: unknown column 'busy'; did you mean 'busy_cost'?"),
        ("gpus_busy", {}, {"filters": [{"key": "team", "operator": "=", "value": "a"}]}, "filter 'team': unknown key"),
        ("gpus_busy", {}, {"filters": [{"key": "node", "operator": "~", "value": "a"}]}, "unknown operator '~'"),
        ("gpus_busy", {}, {"filters": [{"key": "node", "operator": "=~", "value": "("}]}, "'(' is not a regular"),
        ("gpus_busy", {}, {"range": {"from": "soon", "to": "now"}}, "'soon' is not a time"),
    ],
)
def test_a_mistake_is_shown_in_the_panel(
    client: TestClient, target: str, payload: object, more: dict[str, object], said: str
) -> None:
    answer = client.post("/grafana/query", json=simpod_6(target, payload, **more))
    body = answer.json()
    assert answer.status_code == 400
    assert said in body["message"]
    assert body["error"] == {"code": "400", "message": body["message"]}


@pytest.mark.parametrize(
    "body", ["[]", "[" * 10_000, '"x"', '{"targets": 1}', '{"range": {"from": 1e400, "to": 5}}', "{"]
)
def test_a_body_that_is_none_is_a_bad_request(client: TestClient, body: str) -> None:
    assert client.post("/grafana/query", content=body).status_code == 400


@pytest.mark.parametrize("number", [1e308, -1, 0, 0.5, 10**400])
def test_odd_numbers_do_no_harm(client: TestClient, number: float) -> None:
    for name in ("intervalMs", "maxDataPoints"):
        answer = client.post("/grafana/query", json=simpod_6("gpus_busy", {}, **{name: number}))
        assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    ("length", "width", "expected"),
    [
        (6 * HOUR, Width(timedelta(seconds=30), 500), MINUTE),
        (6 * HOUR, Width(timedelta(minutes=2), 500), 5 * MINUTE),
        (6 * HOUR, Width(timedelta(0), 100), 5 * MINUTE),
        (30 * DAY, Width(timedelta(0), 1_000), HOUR),
        (365 * DAY, Width(timedelta(0), 100), 4 * DAY),
    ],
)
def test_a_step_is_as_fine_as_the_panel_is_wide(length: timedelta, width: Width, expected: timedelta) -> None:
    start = datetime(2025, 3, 3, 0, 0, 30, tzinfo=UTC)
    window = Window(start, start + length)
    step = width.fitting(window, MINUTE)
    assert step == expected
    aligned = aligned_to(window, step)
    assert aligned.start <= window.start < window.end <= aligned.end
    assert aligned.length / step <= width.points + 1


def test_where_there_is_room_for_one_value_it_is_the_total(client: TestClient) -> None:
    frame = told(client, "gpu_utilization_ratio", {}, maxDataPoints=1)
    assert drawn(frame) == {"gpu_utilization_ratio": [pytest.approx(0.25)]}
    assert frame["fields"][0]["values"] == [MIDNIGHT]


def test_a_step_that_is_asked_for_is_taken(client: TestClient) -> None:
    frame = told(client, "gpus_busy", {"step": "5m"}, maxDataPoints=5)
    assert len(frame["fields"][0]["values"]) == 48


def test_a_ragged_range_begins_and_ends_with_whole_steps(client: TestClient) -> None:
    ragged = {"from": "2025-03-03T00:20:00Z", "to": "2025-03-03T03:40:00Z"}
    frame = told(client, "gpu_energy_joules", {"step": "1h"}, range=ragged)
    assert frame["fields"][0]["values"] == HOURS
    assert drawn(frame)["gpu_energy_joules"] == [pytest.approx(2 * 300 * 3600)] * 4


@pytest.mark.parametrize("target", ["gpus_busy", "ledger"])
def test_rows_are_a_bare_array_of_flat_objects(client: TestClient, target: str) -> None:
    asked = f"/grafana/query?target={target}&by=cluster&start={MIDNIGHT}&end={HOURS[2]}&step=1h"
    rows = client.get(asked).json()
    assert [(row["time"], row["cluster"]) for row in rows] == [
        (f"2025-03-03T0{hour}:00:00Z", cluster) for hour in (0, 1) for cluster in ("alpha", "beta")
    ]
    assert len({tuple(row) for row in rows}) == 1
    assert client.get(f"{asked}&cluster=beta").json() == rows[1::2]


def test_rows_may_be_wide_for_alerts(client: TestClient) -> None:
    asked = f"/grafana/query?target=gpus_busy&by=cluster&start={MIDNIGHT}&end={HOURS[2]}&step=1h&shape=wide"
    assert client.get(asked).json() == [
        {"time": f"2025-03-03T0{hour}:00:00Z", "alpha": pytest.approx(0.5), "beta": pytest.approx(1)} for hour in (0, 1)
    ]


def test_no_column_of_wide_rows_hides_another(client: TestClient) -> None:
    asked = f"/grafana/query?target=gpus_busy&by=cluster&start={MIDNIGHT}&end={HOURS[1]}&step=1h&shape=wide&legend=time"
    assert client.get(asked).json() == [{"time": "2025-03-03T00:00:00Z", "time'": 0.5, "time''": 1}]


def test_rows_of_nothing_are_an_empty_array(client: TestClient) -> None:
    answer = client.get(f"/grafana/query?target=gpus_busy&start={MIDNIGHT}&end={MIDNIGHT}")
    assert answer.text == "[]"
    answer = client.get("/grafana/query?target=gpus_busy&start=2020-01-01&end=2020-01-02")
    assert answer.text == "[]"
    assert "cluster alpha" in answer.headers["X-Warnings"] or answer.headers["X-Coverage"] == ""


def test_every_metric_can_be_asked_for(client: TestClient) -> None:
    for name in targets.describe_targets():
        assert client.post("/grafana/query", json=simpod_6(name, {"step": "total"})).status_code == 200
