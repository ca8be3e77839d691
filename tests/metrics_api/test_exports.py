import asyncio
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.policy import Actor
from metrics_api.streaming import ROWS_AT_ONCE, Exporting, Streamed
from queries.amounts import AMOUNTS
from queries.catalogue import LEDGER_COLUMNS
from queries.collection import Collection
from queries.datasets import WORKLOADS
from queries.engine import Engine
from queries.exports import COST_SCHEMA, EXPORTS, Extract
from queries.lake import Lake
from queries.lake_error import LakeError
from queries.scope import EVERYTHING, Scope
from queries.settings import Limits, Settings
from queries.window import HOUR, Window, format_time
from tests.metrics_api.acting import act_as
from tests.metrics_api.test_asking import serving
from tests.queries.committer import sketch
from tests.queries.test_question import ALL
from tests.served import HOSTILE, SLOW, fill, settings_for
from tests.sketch import START

DURING = "start=2025-03-03&end=2025-03-04"
RAW = f"/api/v1/exports/ledger_raw?{DURING}"
HOURS = f"/api/v1/exports/ledger_hours?{DURING}"
DAY = Window(START, START + 24 * HOUR)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two clusters, with the runs of a collector and the changes of two workloads."""
    folder = tmp_path_factory.mktemp("exported")
    fill(folder)
    lake = Lake(str(folder))
    for cluster in ("alpha", "beta"):
        lake.collections.append(
            Collection(cluster, "live", ALL, START, 1.5, error="=cmd", counted={START: 7}, warnings=("-w",)).table()
        )
        known = {"period": "2025-03", "window_start": START, "time": START, "revision": 1, "state": "running"}
        rows = [
            known | {"cluster": cluster, "project": name, "workload": f"w-{name}", "nodes": ["n1"]} for name in "ab"
        ]
        lake.replace_workloads(
            cluster,
            Window.hour_of(START),
            pa.Table.from_pylist(rows, schema=WORKLOADS.schema),
            START,
        )
    return lake


@pytest.fixture(scope="module")
def exporter(lake: Lake) -> Iterator[TestClient]:
    with serving(Path(lake.folder)) as client:
        yield client


def read(client: TestClient, asked: str) -> pa.Table:
    answer = client.get(f"{asked}&format=parquet")
    assert answer.status_code == 200, answer.text
    return parquet.read_table(io.BytesIO(answer.content))


def test_what_can_be_exported_is_told(exporter: TestClient) -> None:
    views = {view["name"]: view for view in exporter.get("/api/v1/exports").json()}
    assert set(views) == {"ledger_raw", "ledger_hours", "workloads", "collections"}
    columns = {column["name"]: column for column in views["ledger_raw"]["columns"]}
    assert columns["gpu_power_watts_max"] == {"name": "gpu_power_watts_max", "type": "double", "unit": "watts"}
    assert columns["time"] == {"name": "time", "type": "timestamp[us, tz=UTC]"}


def test_hours_have_their_costs_at_the_prices_of_their_time(lake: Lake) -> None:
    """Four GPUs of alpha and two of beta, whose price rises after two of four hours."""
    settings = settings_for(Path(lake.folder), "off").model_dump(mode="json")
    cheap = {"gpu_model": "NVIDIA*", "per_gpu_hour": 1, "currency": "EUR", "cluster": "alpha"}
    settings["prices"] = [cheap, cheap | {"per_gpu_hour": 3, "valid_from": format_time(START + 2 * HOUR)}]
    settings["departments"] = [{"name": "research", "projects": ["a"]}]
    with TestClient(create_app(Settings.model_validate(settings))) as client:
        table = read(client, HOURS)
        rows = table.to_pandas()
        alpha, beta = rows[rows["cluster"] == "alpha"], rows[rows["cluster"] == "beta"]
        assert sorted(alpha["per_gpu_hour"].unique()) == [1, 3]
        assert set(alpha["currency"]) == {"EUR"}
        ledger = client.get(f"/api/v1/ledger?{DURING}&where=cluster==alpha").json()["data"][0]
        for amount in AMOUNTS:
            assert alpha[f"{amount.name}_cost"].sum() == pytest.approx(ledger[f"{amount.name}_cost"])
        assert beta[list(COST_SCHEMA.names)[:-1]].isna().all(axis=None)
        some = read(client, f"{HOURS}&columns=project,busy_cost&where=department==research,cluster==alpha").to_pylist()
        assert sorted((row["project"], row["busy_cost"]) for row in some) == [("a", 0.5)] * 2 + [("a", 1.5)] * 2
        tag = client.get(HOURS).headers["ETag"]
        plain = client.get(f"{HOURS}&columns=project").headers["ETag"]
    settings["prices"][0]["per_gpu_hour"] = 2
    with TestClient(create_app(Settings.model_validate(settings))) as client:
        assert client.get(HOURS, headers={"If-None-Match": tag}).status_code == 200
        assert client.get(f"{HOURS}&columns=project", headers={"If-None-Match": plain}).status_code == 304


def test_without_prices_there_are_no_costs(exporter: TestClient) -> None:
    assert all(read(exporter, HOURS)[name].null_count == 24 for name in COST_SCHEMA.names)


def test_raw_rows_are_booked_like_hours(exporter: TestClient) -> None:
    raw, hours = read(exporter, RAW).to_pandas(), read(exporter, HOURS).to_pandas()
    assert (len(raw), len(hours)) == (6 * 240, 6 * 4)
    for column in (*LEDGER_COLUMNS, "capacity"):
        assert raw[f"{column}_seconds"].sum() == pytest.approx(hours[f"{column}_seconds"].sum())


@pytest.mark.parametrize("dataset", EXPORTS)
def test_every_form_says_the_same(exporter: TestClient, dataset: str) -> None:
    asked = f"/api/v1/exports/{dataset}?{DURING}"
    table = read(exporter, asked)
    assert table.num_rows
    arrow = ipc.open_stream(exporter.get(f"{asked}&format=arrow").content).read_all()
    assert arrow.equals(table)
    lines = [json.loads(line) for line in exporter.get(f"{asked}&format=ndjson").text.splitlines()]
    as_csv = pd.read_csv(io.StringIO(exporter.get(asked).text))
    assert len(lines) == len(as_csv) == table.num_rows
    assert list(lines[0]) == list(as_csv.columns) == table.column_names
    for name in table.column_names:
        if pa.types.is_floating(table.schema.field(name).type):
            told = table[name].to_pandas()
            assert told.to_list() == pytest.approx(
                [line[name] for line in lines] if told.notna().all() else told.to_list(), nan_ok=True
            )
            assert as_csv[name].astype(float).to_list() == pytest.approx(told.to_list(), nan_ok=True)


@pytest.mark.parametrize("dataset", EXPORTS)
def test_types_are_plain_and_units_are_told(exporter: TestClient, dataset: str) -> None:
    table = read(exporter, f"/api/v1/exports/{dataset}?{DURING}")
    assert table.schema.equals(EXPORTS[dataset].schema, check_metadata=False)
    for field in table.schema:
        assert not pa.types.is_dictionary(field.type)
        assert not pa.types.is_timestamp(field.type) or field.type == pa.timestamp("us", "UTC")
    seconds = [field for field in table.schema if field.name.endswith("_seconds")]
    assert seconds
    assert all(field.metadata[b"unit"].endswith(b"seconds") for field in seconds)


def test_parquet_is_compressed_and_its_times_are_known_as_utc(exporter: TestClient) -> None:
    """As Spark reads them: isAdjustedToUTC, microseconds."""
    file = parquet.ParquetFile(io.BytesIO(exporter.get(f"{RAW}&format=parquet").content))
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    time = file.schema.column(file.schema.names.index("time")).logical_type
    assert json.loads(time.to_json()) == {
        "Type": "Timestamp",
        "isAdjustedToUTC": True,
        "timeUnit": "microseconds",
        "is_from_converted_type": False,
        "force_set_converted_type": False,
    }


def test_no_text_of_a_client_is_a_formula(exporter: TestClient) -> None:
    frame = pd.read_csv(io.StringIO(exporter.get(RAW).text))
    assert f"'{HOSTILE}" in set(frame["project"])
    runs = pd.read_csv(io.StringIO(exporter.get(f"/api/v1/exports/collections?{DURING}").text))
    assert set(runs["error"]) == {"'=cmd"}
    assert set(runs["warnings"]) == {'["-w"]'}
    assert json.loads(runs["counted"][0]) == [{"hour": "2025-03-03T00:00:00Z", "samples": 7}]


def test_columns_and_conditions_are_honoured(exporter: TestClient) -> None:
    table = read(exporter, f"{RAW}&columns=time,busy_seconds&columns=project&where=cluster==alpha&where=project==a")
    assert table.column_names == ["time", "busy_seconds", "project"]
    assert set(table["project"].to_pylist()) == {"a"}
    assert table.num_rows == 240


@pytest.mark.parametrize("form", ROWS_AT_ONCE)
@pytest.mark.parametrize("dataset", EXPORTS)
def test_an_actor_gets_what_its_scope_shows(
    exporter: TestClient, monkeypatch: pytest.MonkeyPatch, dataset: str, form: str
) -> None:
    asked = f"/api/v1/exports/{dataset}?{DURING}&format={form}"
    whole = exporter.get(asked)
    act_as(monkeypatch, Actor("a", Scope(frozenset({("alpha", "a")}))))
    part = exporter.get(asked, headers={"If-None-Match": whole.headers["ETag"]})
    assert part.status_code == 200
    frame = read_frame(part.content, form)
    assert set(frame["cluster"]) == {"alpha"}
    assert "project" not in frame or set(frame["project"]) == {"a"}
    days = exporter.get(f"/api/v1/exports/{dataset}/days?{DURING}").json()
    assert [day["rows"] for day in days] == [len(frame)]
    act_as(monkeypatch, Actor("nobody", Scope(frozenset())))
    assert len(read_frame(exporter.get(asked).content, form)) == 0


def read_frame(content: bytes, form: str) -> pd.DataFrame:
    match form:
        case "csv":
            return pd.read_csv(io.BytesIO(content))
        case "ndjson":
            return pd.DataFrame([json.loads(line) for line in content.splitlines()])
        case "arrow":
            frame: pd.DataFrame = ipc.open_stream(content).read_all().to_pandas()
        case _:
            frame = parquet.read_table(io.BytesIO(content)).to_pandas()
    return frame


def test_days_have_tags_by_which_files_are_kept_up_to_date(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.create()
    booked = sketch(DAY.end - 2 * HOUR).book(hours=4)
    hours = list(Window(DAY.end - 2 * HOUR, DAY.end + 2 * HOUR).hours())
    for hour in hours[:3]:
        lake.replace(hour, booked.of(hour))
    with serving(tmp_path) as client:
        listed = "/api/v1/exports/ledger_raw/days?start=2025-03-01&end=2025-03-10&format=arrow"
        first, second = client.get(listed).json()
        assert (first["day"], first["rows"], second["day"], second["rows"]) == ("2025-03-03", 240, "2025-03-04", 120)
        answer = client.get("/api/v1/exports/ledger_raw?day=2025-03-03&format=arrow")
        assert answer.headers["ETag"] == first["etag"]
        assert answer.headers["Content-Disposition"] == 'attachment; filename="ledger_raw-2025-03-03.arrow"'
        assert ipc.open_stream(answer.content).read_all().num_rows == 240
        same = {"If-None-Match": first["etag"]}
        assert client.get("/api/v1/exports/ledger_raw?day=2025-03-03&format=arrow", headers=same).status_code == 304
        lake.replace(hours[3], booked.of(hours[3]))
        unchanged, changed = client.get(listed).json()
        assert unchanged == first
        assert (changed["rows"], changed["etag"] == second["etag"]) == (240, False)


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("ledger", 404, "there is no dataset 'ledger' to export; there are: ledger_raw, ledger_hours"),
        ("ledger_raw?day=2025-03-03&start=2025-03-03", 400, "day stands in the place of start and end"),
        ("ledger_raw?day=today", 400, "day = 'today'"),
        ("ledger_raw?columns=busy_seconds,colour", 400, "columns: ledger_raw has no column 'colour'; it has: cluster"),
        ("ledger_raw?columns=layer", 400, "has no column 'layer'"),
        ("workloads?where=node==n1", 400, "where: workloads cannot be filtered by 'node'; it can by: cluster, project"),
        ("ledger_raw?format=json", 400, "format = 'json'"),
        ("ledger_raw?start=1990-01-01", 400, "at most 3650d are answered (limits.window)"),
        ("collections/days?where=user==ada", 400, "cannot be filtered by 'user'"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(exporter: TestClient, asked: str, status: int, said: str) -> None:
    answer = exporter.get(f"/api/v1/exports/{asked}")
    assert answer.status_code == status
    assert said in answer.json()["message"]


def test_a_file_that_is_gone_is_an_error_and_not_an_empty_export(tmp_path: Path) -> None:
    fill(tmp_path)
    with serving(tmp_path) as client:
        for file in (tmp_path / "ledger").rglob("*.parquet"):
            file.unlink()
        answer = client.get(RAW)
        assert answer.status_code == 503
        assert "metrics-collect repair" in answer.json()["message"]
        assert client.get(HOURS).status_code == 503


class Wire:
    """The other end of a connection. takes: how many messages the client takes before it stalls."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self.takes = takes
        self.gone = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if len(self.sent) >= self.takes:
            await asyncio.Event().wait()
        self.sent.append(message)


def streamed(lake: Lake, engine: Engine, exporting: Exporting, who: str = "ada") -> Streamed:
    extract = Extract(EXPORTS["ledger_raw"], DAY, EVERYTHING, lake.snapshot())
    return Streamed(exporting, who, engine, extract, "csv", {})


async def wait_for_idle(exporting: Exporting) -> None:
    """Until the only thread has nothing to do."""
    await asyncio.wrap_future(exporting.threads.submit(int))


def test_a_client_that_goes_away_ends_the_query(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def slow(*_: str) -> Any:
        begun.set()
        return jinja2.Template(SLOW)

    monkeypatch.setattr("queries.engine.read_template", slow)
    engine, exporting = Engine(lake), Exporting(Limits(exports=1))

    async def leave() -> None:
        wire = Wire()
        sending = asyncio.ensure_future(streamed(lake, engine, exporting)({}, wire.receive, wire.send))
        await asyncio.to_thread(begun.wait)
        wire.gone.set()
        await sending
        assert wire.sent == []
        await wait_for_idle(exporting)

    asyncio.run(leave())
    assert exporting.count == 0
    exporting.close()
    engine.close()


def test_a_client_that_stalls_holds_no_thread_and_is_given_up(lake: Lake) -> None:
    engine, exporting = Engine(lake), Exporting(Limits(exports=1, patience="300ms"))

    async def stall() -> None:
        wire = Wire(takes=1)
        sending = asyncio.ensure_future(streamed(lake, engine, exporting)({}, wire.receive, wire.send))
        while not wire.sent:
            await asyncio.sleep(0.001)
        await wait_for_idle(exporting)
        assert not sending.done()
        with pytest.raises(TimeoutError):
            await sending
        assert [message["type"] for message in wire.sent] == ["http.response.start"]

    asyncio.run(stall())
    assert exporting.count == 0
    exporting.close()
    engine.close()


def test_more_exports_than_there_may_be_are_refused(lake: Lake) -> None:
    with serving(Path(lake.folder), exports=1) as client:
        exporting = client.app.state.services.exporting  # type: ignore[attr-defined]
        with exporting.place("somebody"):
            answer = client.get(HOURS)
        assert answer.status_code == 503
        assert "(limits.exports)" in answer.json()["message"]
        assert client.get(HOURS).status_code == 200


def test_nobody_has_all_exports(lake: Lake) -> None:
    with serving(Path(lake.folder), exports=3) as client:
        exporting = client.app.state.services.exporting  # type: ignore[attr-defined]
        with exporting.place("testclient"), exporting.place("testclient"):
            answer = client.get(HOURS)
            assert answer.status_code == 503
            assert "2 exports of yours are under way" in answer.json()["message"]
            with exporting.place("somebody"):
                pass
        with exporting.place("somebody"), exporting.place("somebody"):
            assert client.get(HOURS).status_code == 200
        assert exporting.count == 0


def test_no_more_than_a_few_batches_are_read_ahead(lake: Lake) -> None:
    """The rows come as they are taken: what is taken first is there before the last is read."""
    engine = Engine(lake)
    extract = Extract(EXPORTS["ledger_raw"], DAY, EVERYTHING, lake.snapshot())
    batches = extract.batches(engine, 100)
    assert next(batches).num_rows == 100
    batches.close()  # type: ignore[attr-defined]
    assert sum(batch.num_rows for batch in extract.batches(engine, 100)) == 1440
    engine.close()


def test_what_fails_on_the_way_breaks_the_connection_off(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client must not take a part of a file for the whole."""

    def fail(self: Extract, *_: Any) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist([], schema=self.schema)
        raise LakeError("a file is damaged")

    monkeypatch.setattr(Extract, "batches", fail)
    with serving(Path(lake.folder)) as client, pytest.raises(RuntimeError, match="already started"):
        client.get(RAW)


def test_two_exports_at_once_are_both_whole(lake: Lake) -> None:
    with serving(Path(lake.folder)) as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(client.get, [f"{RAW}&format=ndjson"] * 4))
        assert {len(answer.text.splitlines()) for answer in answers} == {1440}
