import re

import duckdb
import msgspec
import pyarrow as pa
import pytest

from queries.catalogue import GAUGES, METRICS, READINGS, Metric, Source, expression
from queries.datasets import LEDGER_SCHEMA
from queries.view import UNSTORED


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_is_computed_from_columns_that_there_are(metric: Metric) -> None:
    with duckdb.connect() as connection:
        told = pa.schema([*LEDGER_SCHEMA, *(pa.field(name, pa.float64()) for name in UNSTORED)])
        connection.register("ledger", told.empty_table())
        connection.sql(f"select sum({metric.numerator}) from ledger").fetchall()
        if metric.is_divided_by_column:
            connection.sql(f"select sum({metric.denominator}) from ledger").fetchall()


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_has_its_unit_in_its_name(metric: Metric) -> None:
    assert re.search(rf"(^|_){metric.entry.unit}(_|$)", metric.name)
    assert metric.entry.help.endswith(".")


def test_a_metric_of_parts_needs_those_that_every_exporter_has() -> None:
    total = METRICS["gpu_memory_total_bytes"]
    used, free, reserved = (
        READINGS["dcgm", source.series] for source in total.entry.sources if source.exporter == "dcgm"
    )
    all_parts = expression(total, frozenset({used.number, free.number, reserved.number}))
    assert all_parts == f"greatest({used.column} + {free.column} + coalesce({reserved.column}, 0))"
    assert expression(total, frozenset({used.number, free.number})) == f"greatest({used.column} + {free.column})"
    assert expression(total, frozenset({used.number})) is None


def test_a_series_may_mean_one_thing_beside_another_and_else_something_else() -> None:
    entry = METRICS["gpu_power_watts"].entry
    used, free = (Source(exporter="dcgm", series=f"DCGM_FI_DEV_FB_{name}") for name in ("USED", "FREE"))
    one, other = (READINGS["dcgm", source.series] for source in (used, free))
    both, alone = frozenset({one.number, other.number}), frozenset({one.number})

    def told(**condition: str) -> Metric:
        return Metric("m", msgspec.structs.replace(entry, sources=(msgspec.structs.replace(used, **condition),)))

    beside, without = told(beside=free.series), told(without=free.series)
    assert expression(beside, both) == f"greatest(case when {other.column} is not null then {one.column} end)"
    assert expression(without, both) == f"greatest(case when {other.column} is null then {one.column} end)"
    assert expression(beside, alone) is None
    assert expression(without, alone) == f"greatest({one.column})"


def test_of_an_exporters_series_the_first_that_says_anything_counts() -> None:
    entry = METRICS["gpu_power_watts"].entry
    sources = tuple(Source(exporter="dcgm", series=f"DCGM_FI_DEV_FB_{name}") for name in ("USED", "FREE"))
    one, other = (READINGS["dcgm", source.series] for source in sources)
    metric = Metric("m", msgspec.structs.replace(entry, sources=sources))
    both = frozenset({one.number, other.number})
    assert expression(metric, both) == f"greatest(coalesce({one.column}, {other.column}))"


def test_every_gauge_has_columns_of_its_own() -> None:
    columns = [column for metric in GAUGES for column in (metric.integral, metric.seconds, *(metric.extremes or ()))]
    assert len(columns) == len(set(columns))
    assert set(columns) <= set(LEDGER_SCHEMA.names)
