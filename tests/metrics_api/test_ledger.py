import io
import json

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from starlette.testclient import TestClient

from metrics_api.ledger import LedgerRows
from metrics_api.ledger_row import LedgerRow
from queries.catalogue import LEDGER_COLUMNS
from tests.served import HOSTILE

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"
LEDGER = f"/api/v1/ledger?{DURING}"


def test_a_total_is_one_row_with_its_completeness(client: TestClient) -> None:
    body = client.get(LEDGER).json()
    (row,) = body["data"]
    assert row["time"] == "2025-03-03T00:00:00Z"
    assert sum(row[f"{column}_seconds"] for column in LEDGER_COLUMNS) == pytest.approx(row["capacity_seconds"])
    assert row["capacity_seconds"] == 6 * 4 * 3600
    assert body["coverage"] == pytest.approx(1)
    assert [cluster["name"] for cluster in body["clusters"]] == ["alpha", "beta"]
    assert body["clusters"][0]["collected_until"] == "2025-03-03T04:00:00Z"
    assert body["warnings"] == []


def test_rows_come_by_step_and_dimension(client: TestClient) -> None:
    rows = client.get(f"{LEDGER}&step=1h&by=cluster&by=project").json()["data"]
    assert len(rows) == 4 * 5  # in each hour three groups of alpha (one of them nobody's) and two of beta
    assert rows[0].keys() >= {"time", "cluster", "project", "busy_seconds"}
    assert rows == client.get(f"{LEDGER}&step=1h&by=cluster,project").json()["data"]


def test_a_bare_array_can_be_asked_for(client: TestClient) -> None:
    answer = client.get(f"{LEDGER}&by=cluster&envelope=false")
    assert [row["cluster"] for row in answer.json()] == ["alpha", "beta"]
    assert answer.headers["X-Coverage"] == "1.000000"


def test_series_have_the_times_once(client: TestClient) -> None:
    body = client.get(f"{LEDGER}&step=1h&by=cluster&shape=series").json()
    assert body["time"] == [f"2025-03-03T0{hour}:00:00Z" for hour in range(4)]
    assert [series["by"] for series in body["series"]] == [{"cluster": "alpha"}, {"cluster": "beta"}]
    assert body["series"][0]["metrics"]["busy_seconds"] == [pytest.approx(1800)] * 4


def test_a_group_that_is_not_there_at_some_time_is_null_there(client: TestClient) -> None:
    body = client.get("/api/v1/ledger?start=2025-03-03T03:00:00Z&end=2025-03-03T06:00:00Z&step=1h&shape=series").json()
    assert body["time"] == [f"2025-03-03T0{hour}:00:00Z" for hour in (3, 4, 5)]
    assert body["series"][0]["metrics"]["busy_seconds"] == [pytest.approx(1.5 * 3600), None, None]
    assert body["warnings"]


@pytest.mark.parametrize(("how", "header"), [("&format=csv", "*/*"), ("", "text/csv")])
def test_csv_is_for_spreadsheets_that_run_nothing(client: TestClient, how: str, header: str) -> None:
    answer = client.get(f"{LEDGER}&by=project&step=1h{how}", headers={"Accept": header})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["X-Coverage"] == "1.000000"
    frame = pd.read_csv(io.StringIO(answer.text))
    assert f"'{HOSTILE}" in set(frame["project"])
    assert frame["time"].iloc[0] == "2025-03-03T00:00:00Z"
    assert frame["capacity_seconds"].sum() == 6 * 4 * 3600


@pytest.mark.parametrize(("how", "header"), [("&format=parquet", "*/*"), ("", "application/vnd.apache.parquet")])
def test_parquet_has_types_and_its_completeness_within(client: TestClient, how: str, header: str) -> None:
    answer = client.get(f"{LEDGER}&by=project{how}", headers={"Accept": header})
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.schema.field("time").type == pa.timestamp("us", "UTC")
    assert table.schema.field("busy_seconds").type == pa.float64()
    assert table.schema.field("energy_kwh").metadata == {b"unit": b"kWh"}
    assert json.loads(table.schema.metadata[b"coverage"]) == pytest.approx(1)
    assert json.loads(table.schema.metadata[b"clusters"])[0]["name"] == "alpha"
    assert HOSTILE in table["project"].to_pylist()


def test_names_go_through_json_unharmed(client: TestClient) -> None:
    rows = client.get(f"{LEDGER}&by=project").json()["data"]
    assert HOSTILE in [row["project"] for row in rows]


def test_every_form_says_the_same(client: TestClient) -> None:
    asked = f"{LEDGER}&by=cluster&step=1h"
    rows = pd.DataFrame(client.get(asked).json()["data"])
    as_csv = pd.read_csv(io.StringIO(client.get(f"{asked}&format=csv").text))
    as_parquet = parquet.read_table(io.BytesIO(client.get(f"{asked}&format=parquet").content)).to_pandas()
    assert list(rows) == list(as_csv) == list(as_parquet)
    known, *others = (
        frame.drop(columns="time").dropna(axis="columns", how="all") for frame in (rows, as_csv, as_parquet)
    )
    for other in others:
        pd.testing.assert_frame_equal(known, other, check_dtype=False)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("by=team", "by: unknown dimension 'team'; dimensions are: cluster, node_pool, node, gpu"),
        ("step=7q", "step: '7q' is not a duration; write a whole number above 0 and a unit, as in 60s, 5m, 1h or 30d"),
        ("step=90s", "step = 90s: samples are 1m apart; ask for multiples of that"),
        ("step=500ms", "step = 500ms: a step is a whole number of seconds"),
        ("start=2020-01-01&end=2025-01-01&step=1m", "at most 11000 are answered"),
        (
            "start=noon",
            "start: 'noon' is not a time; write ISO 8601 as in 2026-05-01T00:00:00Z, a date, or Unix seconds",
        ),
        ("start=2025-03-04&end=2025-03-03", "end 2025-03-03T00:00:00Z is not after start 2025-03-04T00:00:00Z"),
        ("start=2999-01-01", "is not after start 2999-01-01T00:00:00Z"),
        ("format=xml", "format = 'xml': Input should be 'json', 'csv', 'parquet', 'arrow' or 'ndjson'"),
        ("shape=cube", "shape = 'cube': Input should be 'rows', 'series' or 'wide'"),
        ("where=project", "where: 'project' is not a condition"),
        ("where=team==a", "where: unknown field 'team'"),
        ("stpe=1h", "unknown parameter 'stpe'; did you mean 'step'?"),
        ("step=1h&step=2h", "parameter 'step' is given 2 times; it takes one value"),
        ("envelope=maybe", "envelope = 'maybe'"),
        ("by=project&order_by=user", "order_by = 'user': an answer is ordered by time, or by a metric, a column or"),
        ("limit=0", "limit = '0': Input should be greater than or equal to 1"),
        ("columns=alocated_cost", "columns: unknown column 'alocated_cost'; did you mean 'allocated_cost'?"),
        ("columns=colour", "columns: unknown column 'colour'; columns are: measured_seconds, unpriced_gpu_hours"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(client: TestClient, query: str, said: str) -> None:
    answer = client.get(f"/api/v1/ledger?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == 400
    assert said in answer.json()["message"]


def test_what_a_row_has_is_what_is_published(priced: TestClient) -> None:
    body = priced.get(f"{LEDGER}&by=department&by=project").json()
    (first, *_) = LedgerRows.model_validate(body).data
    assert set(first.model_extra or ()) == {"department", "project"}
    assert set(body["data"][0]) - {"department", "project"} == set(LedgerRow.model_fields)
    assert body["currency"] == "EUR"


def test_columns_come_as_they_are_asked_for(priced: TestClient) -> None:
    asked = f"{LEDGER}&by=cluster&columns=allocated_cost,allocated_gpu_hours"
    lines = priced.get(f"{asked}&format=csv").text.splitlines()
    assert lines[0] == '"time","cluster","allocated_cost","allocated_gpu_hours"'
    assert lines[1] == '"2025-03-03T00:00:00Z","alpha",16,8'
    assert LedgerRow.model_json_schema(mode="serialization")["required"] == ["time"]
    (series, _) = priced.get(f"{asked}&shape=series").json()["series"]
    assert list(series["metrics"]) == ["allocated_cost", "allocated_gpu_hours"]


def test_the_first_groups_come_in_their_order_with_the_rest_as_one(priced: TestClient) -> None:
    asked = f"{LEDGER}&by=cluster,project&order_by=-capacity_cost&limit=1&others=true&columns=capacity_cost"
    rows = priced.get(asked).json()["data"]
    assert [(row["cluster"], row["project"], row["capacity_cost"]) for row in rows] == [
        ("alpha", None, 16),
        ("other", "other", 32),
    ]
    (first, rest) = priced.get(f"{asked}&step=2h&shape=series").json()["series"]
    assert (first["metrics"]["capacity_cost"], rest["by"]["cluster"]) == ([8, 8], "other")


def test_costs_are_told_by_department_and_in_their_currency(priced: TestClient) -> None:
    asked = f"{LEDGER}&where=department==research"
    frame = pd.read_csv(io.StringIO(priced.get(f"{asked}&format=csv").text))
    assert frame[["allocated_cost", "wasted_cost", "currency"]].to_numpy().tolist() == [[8.0, 4.0, "EUR"]]
    series = priced.get(f"{asked}&shape=series").json()
    assert series["series"][0]["metrics"]["allocated_cost"] == [pytest.approx(8)]
    assert series["currency"] == "EUR"


def test_a_form_that_is_not_there_is_not_acceptable(client: TestClient) -> None:
    answer = client.get(LEDGER, headers={"Accept": "application/xml"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["message"]


def test_a_value_of_a_condition_is_only_a_value(client: TestClient) -> None:
    rows = client.get(LEDGER, params={"where": "project==' or 1=1 --", "by": "project"}).json()["data"]
    assert rows == []


def test_a_dimension_that_is_named_twice_counts_once(client: TestClient) -> None:
    for path in ("ledger", "metrics/range?metric=gpus_busy"):
        separator = "&" if "?" in path else "?"
        once, twice = (
            client.get(f"/api/v1/{path}{separator}start=2025-03-03&end=2025-03-04&by={by}") for by in ("gpu", "gpu,gpu")
        )
        assert once.status_code == twice.status_code == 200
        assert once.json() == twice.json()
