import io
import json
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from metrics_api.encoding import encode
from metrics_api.formats import EXPORT_FORMATS, Format

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
MOMENT = pa.timestamp("us", "UTC")
ROWS = pa.table(
    {
        "time": pa.array([NOON, None, NOON.replace(microsecond=5)], MOMENT),
        "=1+1": pa.array(["=1+1", None, "-2"]),
        "seconds": pa.array([-1.5, None, 2.0]),
        "warnings": pa.array([["=cmd"], None, []], pa.list_(pa.string())),
        "counted": pa.array(
            [[{"hour": NOON, "samples": 1}], None, []],
            pa.list_(pa.struct([("hour", MOMENT), ("samples", pa.int64())])),
        ),
    }
)


def encoded(form: Format, rows: pa.Table = ROWS, size: int = 2) -> bytes:
    return b"".join(encode(form, rows.schema, rows.to_batches(size)))


@pytest.mark.parametrize("form", ["json", *EXPORT_FORMATS])
def test_no_rows_are_a_whole_file(form: Format) -> None:
    nothing = encoded(form, ROWS.slice(0, 0))
    match form:
        case "json":
            assert nothing == b"[]"
        case "ndjson":
            assert nothing == b""
        case "csv":
            assert pd.read_csv(io.BytesIO(nothing)).empty
        case "parquet":
            assert parquet.read_table(io.BytesIO(nothing)).schema.equals(ROWS.schema)
        case "arrow":
            assert ipc.open_stream(nothing).read_all().schema.equals(ROWS.schema)


def test_what_is_typed_comes_back_as_it_was() -> None:
    assert parquet.read_table(io.BytesIO(encoded("parquet"))).equals(ROWS)
    assert ipc.open_stream(encoded("arrow")).read_all().equals(ROWS)


def test_json_spells_times_also_within_lists() -> None:
    first, nothing, last = json.loads(encoded("json"))
    assert first["time"] == "2025-03-03T12:00:00Z"
    assert first["counted"] == [{"hour": "2025-03-03T12:00:00Z", "samples": 1}]
    assert set(nothing.values()) == {None}
    assert last["time"] == "2025-03-03T12:00:00.000005Z"
    assert [json.loads(line) for line in encoded("ndjson").splitlines()] == [first, nothing, last]


def test_a_spreadsheet_finds_no_formula_in_csv() -> None:
    lines = encoded("csv").decode().splitlines()
    assert lines == [
        '"time","\'=1+1","seconds","warnings","counted"',
        '"2025-03-03T12:00:00Z","\'=1+1",-1.5,"[""=cmd""]","[{""hour"":""2025-03-03T12:00:00Z"",""samples"":1}]"',
        ",,,,",
        '"2025-03-03T12:00:00.000005Z","\'-2",2,"[]","[]"',
    ]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\r1", "\n1", "＝1"])  # noqa: RUF001
def test_every_beginning_of_a_formula_is_defused(text: str) -> None:
    assert encoded("csv", pa.table({"project": [text]})).decode().split("\n", 1)[1].startswith(f"\"'{text}")


def test_names_that_differ_in_case_alone_stay_apart() -> None:
    wide = pa.table({"time": pa.array([NOON], MOMENT), 'x{project="A"}': [1.0], 'x{project="a"}': [2.0]})
    assert encoded("csv", wide) == (b'"time","x{project=""A""}","x{project=""a""}"\n"2025-03-03T12:00:00Z",1,2\n')
