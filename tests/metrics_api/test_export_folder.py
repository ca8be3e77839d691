from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from metrics_api.cli import app
from queries.exports import Extract
from queries.lake import Lake
from queries.lake_error import LakeError
from queries.window import HOUR, Window
from tests.queries.committer import revised, sketch
from tests.sketch import START

DAYS = Window(START + 22 * HOUR, START + 26 * HOUR)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A lake with two hours of one day and two of the next."""
    path = tmp_path / "metrics.toml"
    path.write_text(f'[store]\npath = "{tmp_path / "lake"}"\n')
    lake = Lake(str(tmp_path / "lake"))
    lake.create()
    booked = sketch(DAYS.start).book(hours=4)
    for hour in DAYS.hours():
        lake.replace(hour, booked.of(hour))
    return path


def export(config: Path, *options: str, dataset: str = "ledger_raw") -> Result:
    out = str(config.parent / "out")
    given = ["export", dataset, "--from", "2025-03-01", "--out", out, "--config", str(config), *options]
    return CliRunner().invoke(app, given)


def words(told: Result) -> str:
    """What was told, without its line breaks and frames."""
    return " ".join(told.output.replace("│", "").split())


def files(config: Path) -> dict[str, int]:
    """The visible files of the folder, and when each was written."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in sorted((config.parent / "out").iterdir())
        if not path.name.startswith(".")
    }


def test_there_is_a_file_for_each_day(config: Path) -> None:
    told = export(config)
    assert told.exit_code == 0, told.output
    assert "2 days are in" in told.output
    assert "2 were written now" in words(told)
    assert list(files(config)) == ["ledger_raw-2025-03-03.parquet", "ledger_raw-2025-03-04.parquet"]
    frame = pd.read_parquet(config.parent / "out" / "ledger_raw-2025-03-04.parquet")
    assert len(frame) == 240
    assert frame["time"].min() == pd.Timestamp("2025-03-04", tz="UTC")
    assert len(pd.read_parquet(config.parent / "out")) == 480


def test_the_last_day_is_not_included(config: Path) -> None:
    assert export(config, "--to", "2025-03-04", "--format", "csv").exit_code == 0
    assert list(files(config)) == ["ledger_raw-2025-03-03.csv"]


def test_days_that_have_not_changed_are_left_as_they_are(config: Path) -> None:
    export(config)
    before = files(config)
    assert "0 were written" in words(export(config))
    assert files(config) == before
    lake, hour = Lake(str(config.parent / "lake")), Window.hour_of(DAYS.end - HOUR)
    booked = sketch(DAYS.start).book(hours=4).of(hour)
    lake.replace(hour, revised(booked, booked["revision"][0].as_py() + 60))
    assert "1 were written" in words(export(config))
    after = files(config)
    assert after["ledger_raw-2025-03-03.parquet"] == before["ledger_raw-2025-03-03.parquet"]
    assert after["ledger_raw-2025-03-04.parquet"] > before["ledger_raw-2025-03-04.parquet"]


def test_an_export_that_breaks_off_goes_on_where_it_stopped(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = Extract.batches

    def break_off(self: Extract, *arguments: Any) -> Iterator[pa.RecordBatch]:
        for batch in batches(self, *arguments):
            yield batch
            if self.window.start.day == 4:
                raise LakeError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr(Extract, "batches", break_off)
        broken = export(config)
        assert broken.exit_code == 2
        assert "the disk is away" in broken.output
    assert list(files(config)) == ["ledger_raw-2025-03-03.parquet"]
    first = files(config)["ledger_raw-2025-03-03.parquet"]
    assert "1 were written" in words(export(config))
    assert files(config)["ledger_raw-2025-03-03.parquet"] == first
    assert parquet.read_metadata(config.parent / "out" / "ledger_raw-2025-03-04.parquet").num_rows == 240


def test_costs_follow_the_price_list_and_with_it_the_files(config: Path) -> None:
    def costs(price: int) -> float:
        priced = config.with_name("priced.toml")
        priced.write_text(f'{config.read_text()}[[prices]]\ngpu_model = "*"\nper_gpu_hour = {price}\n')
        told = export(priced, dataset="ledger_hours")
        assert "2 were written" in words(told), told.output
        return float(pd.read_parquet(config.parent / "out")["capacity_cost"].sum())

    hours = costs(1)
    assert hours > 0
    assert costs(3) == pytest.approx(3 * hours)


def test_a_file_that_was_removed_is_written_again(config: Path) -> None:
    export(config)
    (config.parent / "out" / "ledger_raw-2025-03-03.parquet").unlink()
    assert "1 were written" in words(export(config))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "2025-03-01"], "--to 2025-03-01 is not after --from 2025-03-01"),
        (["--format", "xlsx"], "'xlsx' is not one of 'parquet', 'csv', 'arrow', 'ndjson'"),
        (["--out", "/dev/null/x"], "cannot write to /dev/null/x"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(config: Path, options: list[str], said: str) -> None:
    told = export(config, *options)
    assert told.exit_code == 2
    assert said in words(told)


def test_a_dataset_that_is_not_there_is_named_with_those_that_are(config: Path) -> None:
    told = CliRunner().invoke(app, ["export", "ledger", "--from", "2025-03-01", "--out", "x", "-c", str(config)])
    assert told.exit_code == 2
    assert "there are: ledger_raw, ledger_hours, workloads, collections" in words(told)
