"""A lake that an earlier version made, with fewer columns, is written and read on."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from queries.datasets import LEDGER_SCHEMA
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.booked import both
from tests.sketch import START, Sketch

NEW = ["utilization_bins", "utilization_bin_seconds", "gpu_sm_active_ratio_integral", "gpu_sm_active_ratio_seconds"]
"""Columns that the earlier version did not have."""


def sketch() -> Sketch:
    drawn = Sketch(minutes=120)
    drawn.node("n1", 1.0)
    drawn.gpu("GPU-a", "n1", 0.5, pod="p")
    drawn.pod("p", "n1", 1.0)
    return drawn


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """The first of two hours was written by an earlier version."""
    folder = str(tmp_path / "ledger")
    earlier = pa.schema([field for field in LEDGER_SCHEMA if field.name not in NEW])
    DeltaTable.create(folder, earlier, partition_by=["cluster", "layer", "period"])
    rows = sketch().book(1).of(Window(START, START + HOUR)).select(earlier.names)
    for half in (rows.slice(0, 30), rows.slice(30)):
        write_deltalake(folder, half, mode="append")
    made = Lake(str(tmp_path))
    made.create()
    return made


def test_hours_of_both_versions_are_read_together(lake: Lake) -> None:
    second = Window(START + HOUR, START + 2 * HOUR)
    lake.replace(second, sketch().book(1, first=1).of(second))
    raw, hours = both(lake, Window(START, START + 2 * HOUR))
    for rows in (raw, hours):
        assert rows["busy_seconds"].sum() == pytest.approx(3600)
        assert rows["gpu_sm_active_ratio_integral"].isna().all()
    assert lake.snapshot().is_mixed


def test_files_that_are_compacted_have_all_columns(lake: Lake) -> None:
    lake.ledger.compact("sketch", "raw", Window(START, START + HOUR))
    (path,) = lake.snapshot().paths("raw", Window(START, START + HOUR))
    assert set(NEW) <= set(pq.read_schema(path).names)
    assert both(lake, Window(START, START + HOUR))[0]["busy_seconds"].sum() == pytest.approx(1800)


def test_a_lake_of_this_version_is_left_as_it_is(lake: Lake) -> None:
    version = lake.snapshot().version
    assert lake.create() == []
    assert lake.snapshot().version == version
