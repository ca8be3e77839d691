"""What the payload of each target can say, and that it means what it means in the main API."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.grafana.targets import LISTS
from queries.catalogue import METRICS
from queries.holdings import CLASSES
from tests.metrics_api.grafana.panels import simple_json, simpod_6
from tests.metrics_api.grafana.test_query import HOURS, MIDNIGHT, drawn, post, told
from tests.metrics_api.grafana.test_variables import post as ask
from tests.served import HOSTILE

DURING = {"start": "2025-03-03", "end": "2025-03-03T04:00:00Z", "envelope": "false"}


def table_of(client: TestClient, target: str, payload: Mapping[str, object]) -> list[dict[str, Any]]:
    """A table as rows by the names of its columns."""
    table = told(client, target, {"format": "table", **payload})
    names = [column["text"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


@pytest.mark.parametrize("stat", METRICS["gpu_utilization_ratio"].statistics)
@pytest.mark.parametrize("over", ["gpus", "time"])
def test_a_statistic_is_the_main_apis(client: TestClient, stat: str, over: str) -> None:
    if (stat, over) == ("sum", "time"):
        return
    asked = {"metric": "gpu_utilization_ratio", "stat": stat, "over": over, "by": "project", "step": "1h"}
    rows = client.get("/api/v1/metrics/range", params=DURING | asked | {"shape": "rows"}).json()
    lines = drawn(told(client, "gpu_utilization_ratio", {"by": "project", "stat": stat, "over": over, "step": "1h"}))
    assert len(lines) == 4
    for project, values in lines.items():
        known = None if project == "(none)" else project
        assert values == [row["gpu_utilization_ratio"] for row in rows if row["project"] == known]


def test_a_statistic_over_time_is_of_the_groups_own_value(client: TestClient) -> None:
    assert table_of(client, "gpus_busy", {"stat": "max", "over": "time"}) == [{"gpus_busy": 1.5}]


@pytest.mark.parametrize("others", [True, "true", False, ""])
def test_the_first_groups_are_told_and_the_rest_as_one(client: TestClient, others: object) -> None:
    payload: dict[str, object] = {"by": "cluster", "order_by": "-gpus_busy", "limit": "1", "others": others}
    rest = [{"cluster": "other", "gpus_busy": 0.5}] if others else []
    assert table_of(client, "gpus_busy", payload) == [{"cluster": "beta", "gpus_busy": 1.0}, *rest]


@pytest.mark.parametrize(
    ("step", "zone", "start"),
    [
        ("1w", None, MIDNIGHT),
        ("1mo", "UTC", 1_740_787_200_000),
        ("1mo", r"Europe\/Berlin", 1_740_783_600_000),
        ("1y", "utc", 1_735_689_600_000),
        ("1d", "Asia/Kolkata", MIDNIGHT - 5.5 * 3_600_000),
    ],
)
@pytest.mark.parametrize("target", ["gpus_busy", "ledger"])
def test_steps_of_the_calendar_begin_where_their_zone_says(
    client: TestClient, target: str, step: str, zone: str | None, start: int
) -> None:
    asked = {"step": step, "tz": zone} | ({"columns": "busy_gpu_hours"} if target == "ledger" else {})
    frame = told(client, target, asked)
    assert frame["fields"][0]["values"] == [start]
    assert frame["fields"][1]["values"] == [pytest.approx(6 if target == "ledger" else 1.5)]


def test_steps_that_fit_are_days_of_the_zone(client: TestClient) -> None:
    month = {"from": "2025-02-20T00:00:00Z", "to": "2025-03-20T00:00:00Z"}
    asked = {"tz": "Asia/Kolkata", "step": "auto"}
    times = told(client, "gpus_busy", asked, range=month, maxDataPoints=30)["fields"][0]["values"]
    assert {(time + 5.5 * 3_600_000) % 86_400_000 for time in times} == {0}


def test_the_ledger_is_told_in_hours_money_and_energy(client: TestClient) -> None:
    columns = ["allocated_gpu_hours", "allocated_cost", "energy_kwh", "carbon_grams_co2e"]
    table = told(client, "ledger", {"format": "table", "columns": columns})
    assert [column.get("unit") for column in table["columns"]] == ["suffix:GPU-h", None, "kwatth", "massg"]
    assert table["rows"] == [[pytest.approx(16), None, pytest.approx(2.4), None]]


def test_waste_is_ranked_by_gpu_hours_with_its_class(client: TestClient) -> None:
    rows = table_of(client, "waste", {"columns": "class,workload,cluster,wasted_gpu_hours,last_activity"})
    idle = {"class": "never_used", "workload": "pb", "wasted_gpu_hours": pytest.approx(4), "last_activity": None}
    assert rows == [idle | {"cluster": "alpha"}, idle | {"cluster": "beta"}]


def test_waste_knows_thresholds_and_classes(client: TestClient) -> None:
    low = {"classes": "(low_utilization)", "low_utilization_below": "training:0.6", "by": "cluster"}
    assert [row["cluster"] for row in table_of(client, "waste", {**low})] == ["alpha"]
    assert table_of(client, "waste", {**low, "min_gpu_hours": 5}) == []
    assert table_of(client, "waste", {"never_used_after": "5h", "classes": ["never_used"]}) == []
    assert len(table_of(client, "waste", {"limit": 1})) == 1


@pytest.mark.parametrize("target", LISTS)
def test_a_list_is_the_main_apis_whatever_asks_for_it(client: TestClient, target: str) -> None:
    path = {"waste": "waste", "queue_waits": "queue-waits", "workload_usage": "workload-usage"}[target]
    rows = client.get(f"/api/v1/{path}", params=DURING).json()
    by_infinity = client.get(f"/grafana/query?target={target}&start={MIDNIGHT}&end={MIDNIGHT + 4 * 3_600_000}").json()
    assert by_infinity == rows
    tables = [post(client, simple_json(target, kind))[0] for kind in ("timeserie", "table")]
    assert {len(table["rows"]) for table in tables} == {len(rows)}
    frame = told(client, target, {"format": "frame"})
    assert [field["name"] for field in frame["fields"]] == [column["text"] for column in tables[0]["columns"]]


def test_a_list_has_no_wide_rows(client: TestClient) -> None:
    answer = client.get("/grafana/query?target=waste&shape=wide")
    assert (answer.status_code, answer.json()["message"][:13]) == (400, "shape = wide:")


def test_usage_is_narrowed_and_ordered(client: TestClient) -> None:
    payload = {"cluster": "(beta)", "order_by": "gpu_utilization_ratio", "columns": ["workload", "held_until"]}
    assert table_of(client, "workload_usage", payload) == [
        {"workload": "pa", "held_until": HOURS[0] + 4 * 3_600_000},
        {"workload": "pb", "held_until": HOURS[0] + 4 * 3_600_000},
    ]
    columns = {"columns": "project,workload_type"}
    filters = [{"key": "project", "operator": "=", "value": HOSTILE}]
    asked = simpod_6("workload_usage", columns, filters=filters)
    assert post(client, asked)[0]["rows"] == [[HOSTILE, "training"]]


@pytest.mark.parametrize(
    ("target", "payload", "more", "said"),
    [
        ("gpus_busy", {"stat": "p98"}, {}, "stat: unknown statistic 'p98'; statistics are: mean, "),
        ("gpu_energy_joules", {"over": "time"}, {}, "gpu_energy_joules has no stat 'mean' over time"),
        ("gpus_busy", {"over": "all"}, {}, "over = 'all': "),
        ("gpus_busy", {"order_by": "project"}, {}, "order_by = 'project': an answer is ordered by time, "),
        ("gpus_busy", {"limit": 0}, {}, "limit = '0': "),
        ("gpus_busy", {"others": "perhaps"}, {}, "others = 'perhaps': "),
        ("gpus_busy", {"tz": "Bonn"}, {}, "tz: 'Bonn' is not a time zone"),
        ("gpus_busy", {"step": "1q"}, {}, "step: '1q' is not a duration"),
        ("gpus_busy", {"classes": "never_used"}, {}, "unknown payload field of gpus_busy: 'classes'; there are: by, "),
        ("gpus_busy", {"columns": "busy"}, {}, "unknown payload field of gpus_busy: 'columns'"),
        ("ledger", {"stat": "max"}, {}, "unknown payload field of ledger: 'stat'"),
        ("ledger", {"over": "time"}, {}, "unknown payload field of ledger: 'over'"),
        ("waste", {"classes": "lost"}, {}, "classes: unknown class 'lost'; classes are: never_used, "),
        ("waste", {"by": "pod"}, {}, "by"),
        ("waste", {"active_above": "2"}, {}, "active_above: '2' is not a ratio; write a number from 0 to 1"),
        ("waste", {"columns": "busy"}, {}, "columns: there is no 'busy'; there are: class, "),
        ("waste", {"step": "1h"}, {}, "waste is a list without times; ask for it as table or frame, without a step"),
        ("waste", {"format": "time_series"}, {}, "waste is a list without times"),
        ("waste", {"others": True}, {}, "unknown payload field of waste: 'others'"),
        ("queue_waits", {"by": "node"}, {}, "by = 'node': "),
        ("queue_waits", {"node": "a"}, {}, "where: node is not known of workloads that wait; fields are: cluster, "),
        ("workload_usage", {"order_by": "luck"}, {}, "order_by = 'luck': "),
        ("(waste|gpus_busy)", {}, {}, "target: unknown metric 'waste'"),
        ("waste", {"where": ["node!=a"] * 101}, {}, "101 conditions; at most 100 are answered"),
    ],
)
def test_what_a_target_does_not_know_is_refused(
    client: TestClient, target: str, payload: object, more: dict[str, object], said: str
) -> None:
    answer = client.post("/grafana/query", json=simpod_6(target, payload, **more))
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_the_builder_offers_what_each_target_knows_with_its_choices(client: TestClient) -> None:
    choices = {choice["value"]: choice for choice in ask(client, "/metrics", {})}
    fields = {
        name: {field["name"]: [option["value"] for option in field.get("options", ())] for field in each["payloads"]}
        for name, each in choices.items()
    }
    metric = METRICS["gpu_utilization_ratio"]
    offered = fields[metric.name]
    assert offered["stat"] == list(metric.statistics)
    assert offered["over"] == ["gpus", "time"]
    assert offered["others"] == ["true", "false"]
    assert offered["order_by"][:2] == ["-gpu_utilization_ratio", "gpu_utilization_ratio"]
    assert {"by", "step", "tz", "limit", "format", "legend", *metric.dimensions} <= set(offered)
    assert fields["waste"]["classes"] == list(CLASSES)
    assert fields["waste"]["format"] == ["frame", "table"]
    assert {"active_above", "min_gpu_hours", "columns"} <= set(fields["waste"])
    assert not {"step", "stat", "legend"} & set(fields["waste"])
    assert fields["workload_usage"]["order"] == ["asc", "desc"]
    assert not {"node", "gpu"} & set(fields["queue_waits"])
    assert {"tz", "legend"} <= set(fields["ledger"])
    assert {"allocated_cost", "energy_kwh"} <= set(fields["ledger"]["columns"])
    assert fields["ledger"]["step"][:2] == ["auto", "total"]


def test_what_is_said_decides_which_statistics_there_are(client: TestClient) -> None:
    name = "gpus_busy"
    chosen = {"metric": name, "payload": {"over": "time"}}
    (choice,) = [choice for choice in ask(client, "/metrics", chosen) if choice["value"] == name]
    fields = {field["name"]: field for field in choice["payloads"]}
    expected = [{"label": stat, "value": stat} for stat in METRICS[name].statistics_over_time]
    assert fields["over"]["reloadMetric"] is True
    assert fields["stat"]["options"] == expected
    assert ask(client, "/metric-payload-options", chosen | {"name": "stat"}) == expected


def test_the_choices_of_every_field_can_be_asked_for(client: TestClient) -> None:
    """The builder does so for each that has a value, whether it was told its options or not."""
    for choice in ask(client, "/metrics", {}):
        for field in choice["payloads"]:
            if field["type"] != "input":
                asked = {"metric": choice["value"], "payload": {}, "name": field["name"]}
                options = ask(client, "/metric-payload-options", asked)
                assert options == field.get("options", options)
    assert {"label": "Europe/Berlin", "value": "Europe/Berlin"} in ask(
        client, "/metric-payload-options", {"metric": "gpus_busy", "payload": {}, "name": "tz"}
    )


@pytest.mark.parametrize("target", ["gpu_utilization_ratio", "gpu_energy_joules", "gpus_quota", "ledger", *LISTS])
def test_all_that_the_builder_offers_is_answered(client: TestClient, target: str) -> None:
    for choice in ask(client, "/metrics", {}):
        for field in choice["payloads"] if choice["value"] == target else ():
            for option in field.get("options", ()):
                assert_answered(client, choice["value"], field["name"], option["value"])


def assert_answered(client: TestClient, target: str, name: str, value: str) -> None:
    payload = {name: value} if target in LISTS or name == "step" else {"step": "total", name: value}
    dimension = value.removeprefix("-")
    if name == "order_by" and target in METRICS and dimension in METRICS[target].dimensions:
        payload["by"] = dimension
    answer = client.post("/grafana/query", json=simpod_6(target, payload))
    assert answer.status_code == 200, (target, payload, answer.text)
