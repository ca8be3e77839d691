import io
import json

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from starlette.testclient import TestClient

from metrics_api.errors import ApiError
from metrics_api.formats import choose_format
from tests.served import HOSTILE

DURING = "start=2025-03-03&end=2025-03-03T04:00:00Z"
LEDGER = f"/api/v1/ledger?{DURING}"
RANGE = f"/api/v1/metrics/range?{DURING}&step=1h&metric=gpus_busy"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/*", "csv"),
        ("text/csv, application/json", "csv"),
        ("application/json;q=0.2, text/csv;q=0.9", "csv"),
        ("text/html, application/x-ndjson;q=0.3, */*;q=0.1", "ndjson"),
        ("application/json;q=0, */*", "csv"),
        ("APPLICATION/VND.APACHE.ARROW.STREAM; q=1", "arrow"),
        ("text/csv;q=much, application/json;q=0.1", "json"),
    ],
)
def test_the_header_is_weighed(accept: str, form: str) -> None:
    assert choose_format(None, accept) == form
    assert choose_format("parquet", accept) == "parquet"


@pytest.mark.parametrize("accept", ["application/xml", "application/json;q=0", "text/html;q=1"])
def test_what_there_is_is_told_where_nothing_is_accepted(accept: str) -> None:
    with pytest.raises(ApiError, match="there are application/json, text/csv"):
        choose_format(None, accept)


@pytest.mark.parametrize(("how", "header"), [("&format=arrow", "*/*"), ("", "application/vnd.apache.arrow.stream")])
def test_arrow_has_types_units_and_its_completeness_within(client: TestClient, how: str, header: str) -> None:
    answer = client.get(f"{LEDGER}&by=project{how}", headers={"Accept": header})
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    table = ipc.open_stream(answer.content).read_all()
    assert table.schema.field("time").type == pa.timestamp("us", "UTC")
    assert table.schema.field("busy_seconds").metadata == {b"unit": b"seconds"}
    assert table.schema.field("allocated_gpu_hours").metadata == {b"unit": b"gpu hours"}
    assert table.schema.field("gpu_utilization_ratio").metadata == {b"unit": b"ratio"}
    assert table.schema.field("project").metadata is None
    assert json.loads(table.schema.metadata[b"coverage"]) == pytest.approx(1)
    assert HOSTILE in table["project"].to_pylist()


def test_parquet_has_the_units_of_the_catalogue(client: TestClient) -> None:
    answer = client.get(f"{RANGE}&metric=gpu_power_watts&format=parquet")
    schema = parquet.read_schema(io.BytesIO(answer.content))
    assert schema.field("gpu_power_watts").metadata[b"unit"] == b"watts"
    assert schema.field("gpus_busy").metadata[b"unit"] == b"gpus"


def test_lines_of_json_are_the_rows(client: TestClient) -> None:
    answer = client.get(f"{LEDGER}&by=project&format=ndjson")
    assert answer.headers["X-Coverage"] == "1.000000"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert rows == client.get(f"{LEDGER}&by=project").json()["data"]


def test_wide_has_a_column_for_each_series(client: TestClient) -> None:
    body = client.get(f"{RANGE}&by=cluster&shape=wide").json()
    assert body["coverage"] == pytest.approx(1)
    assert len(body["data"]) == 4
    assert body["data"][0] == {
        "time": "2025-03-03T00:00:00Z",
        'gpus_busy{cluster="alpha"}': 0.5,
        'gpus_busy{cluster="beta"}': 1,
    }
    assert client.get(f"{RANGE}&by=cluster&shape=wide&envelope=false").json() == body["data"]


def test_wide_is_the_same_in_csv_and_parquet(client: TestClient) -> None:
    rows = pd.DataFrame(client.get(f"{RANGE}&by=project&shape=wide&envelope=false").json())
    as_csv = pd.read_csv(io.StringIO(client.get(f"{RANGE}&by=project&shape=wide&format=csv").text))
    as_parquet = client.get(f"{RANGE}&by=project&shape=wide&format=parquet")
    table = parquet.read_table(io.BytesIO(as_parquet.content))
    pd.testing.assert_frame_equal(rows, as_csv, check_dtype=False)
    pd.testing.assert_frame_equal(rows.drop(columns="time"), table.to_pandas().drop(columns="time"))
    assert f"gpus_busy{{project={json.dumps(HOSTILE)}}}" in rows.columns
    assert "gpus_busy{project=null}" in rows.columns
    assert table.schema.field(rows.columns[1]).metadata[b"unit"] == b"gpus"


def test_a_group_that_is_not_there_is_null_in_wide(client: TestClient) -> None:
    asked = f"{RANGE}&metric=gpu_power_watts&by=gpu&shape=wide"
    row = client.get(asked).json()["data"][0]
    assert row['gpu_power_watts{gpu="alpha-0"}'] == 300
    assert row['gpu_power_watts{gpu="alpha-1"}'] is None
    header, first, *_ = client.get(f"{asked}&format=csv").text.splitlines()
    assert len(first.split(",")) == 13
    assert '"gpu_power_watts{gpu=""alpha-0""}"' in header
