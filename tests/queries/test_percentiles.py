"""The least value that a share of the weight stays at or below, of values and weights of every kind."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from queries.catalogue import METRICS, PERCENTILES
from queries.macros import MACROS
from queries.measure import render, shares
from tests.queries.measured import percentile

WATTS = METRICS["gpu_power_watts"]
WEIGHTED = f"select bucket, place, time, '{WATTS.name}' as metric, value, weight from shown"
Numbers = np.ndarray[Any, np.dtype[np.float64]]

GROUP = {"names": ["bucket", "place"], "group": "bucket, place"}
FULL = 60.0

dice = np.random.default_rng(1)

COUNTS = (1, 2, 7, 100, 1_000)


def values(count: int) -> Iterator[Numbers]:
    """All of which differ, few, and many zeros."""
    yield dice.normal(size=count) * 100
    yield dice.integers(0, 3, count).astype(float)
    yield np.where(dice.random(count) < 0.5, 0.0, dice.random(count))


def weights(count: int) -> Iterator[Numbers]:
    """All alike, some cut, of slices, all of which differ, tiny and huge, and none for some."""
    yield np.full(count, FULL)
    yield np.where(dice.random(count) < 0.02, dice.random(count) * FULL + 1e-3, FULL)
    yield dice.choice([FULL, FULL * 2 / 7, FULL / 2], count)
    yield dice.random(count) * FULL + 1e-6
    yield dice.choice([1e-6, 3600.0], count)
    yield dice.choice([0.0, FULL], count)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute(MACROS)
        yield made


def bounds_of(connection: duckdb.DuckDBPyConnection, shown: pd.DataFrame, share: float) -> pa.Table:
    connection.register("shown", shown)
    nothing = "select 1 as nothing"
    weighted = {WATTS.name: WEIGHTED}
    sql = render(
        "bounds",
        ledger=nothing,
        picked=nothing,
        metrics=[WATTS],
        weighted=weighted,
        accuracy=10**9,
        group=GROUP["group"],
    )
    return connection.sql(sql, params=shares(share)).to_arrow_table()


def percentiles_of(connection: duckdb.DuckDBPyConnection, bounds: pa.Table, share: float) -> dict[int, float]:
    connection.register("bounds", bounds)
    sql = render("percentiles", weighted=WEIGHTED, metrics=[WATTS], by=[], is_newest=False, **GROUP)
    rows = connection.sql(sql, params={"share": shares(share)["share"]}).fetchall()
    return {bucket: value for bucket, _, value in rows}


@pytest.mark.parametrize("share", PERCENTILES.values())
def test_percentiles_are_those_of_sorted_values(connection: duckdb.DuckDBPyConnection, share: float) -> None:
    groups = [
        pd.DataFrame({"value": shown, "weight": weight})
        for count in COUNTS
        for shown, weight in product(values(count), weights(count))
    ]
    shown = pd.concat(groups, keys=range(len(groups)), names=["bucket", "row"]).reset_index()
    shown = shown.assign(place=1, time=0)
    found = percentiles_of(connection, bounds_of(connection, shown, share), share)
    told = shown[shown["weight"] > 0].groupby("bucket")
    assert found == {bucket: percentile(mine["value"], mine["weight"], share) for bucket, mine in told}


def test_the_bounds_of_values_of_like_weight_meet(connection: duckdb.DuckDBPyConnection) -> None:
    """So nothing is read again."""
    shown = pd.DataFrame({"bucket": 0, "place": 1, "time": 0, "value": dice.random(1_000), "weight": FULL})
    (bounds,) = bounds_of(connection, shown, 0.95).to_pylist()
    assert bounds["low"] == bounds["high"] == shown["value"].sort_values().iloc[949]


def test_a_few_weights_that_differ_leave_little_between_the_bounds(connection: duckdb.DuckDBPyConnection) -> None:
    shown = pd.DataFrame({"bucket": 0, "place": 1, "time": 0, "value": dice.random(10_000), "weight": FULL})
    shown.loc[:50, "weight"] = dice.random(51) * FULL
    (bounds,) = bounds_of(connection, shown, 0.95).to_pylist()
    assert bounds["low"] < percentile(shown["value"], shown["weight"], 0.95) < bounds["high"]
    assert shown["value"].between(bounds["low"], bounds["high"]).mean() < 0.03
