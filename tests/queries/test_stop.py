import threading
from collections.abc import Iterator

import duckdb
import pytest

from queries.stop import Stop, StoppedError, TooManyRowsError, read_at_most

SLOW = "select sum(a.range * b.range) from range(10_000_000) as a, range(10_000_000) as b"
"""Days of work, made on purpose."""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def call_until(stop: Stop, is_over: threading.Event) -> None:
    while not is_over.wait(0.01):
        stop.call()


def test_a_query_that_runs_is_stopped(connection: duckdb.DuckDBPyConnection) -> None:
    stop, is_over = Stop(), threading.Event()
    caller = threading.Thread(target=call_until, args=(stop, is_over))
    caller.start()
    with pytest.raises(StoppedError), stop.watching(connection):
        connection.sql(SLOW).fetchall()
    is_over.set()
    caller.join()


def test_a_query_whose_rows_are_being_read_is_stopped(connection: duckdb.DuckDBPyConnection) -> None:
    stop = Stop()
    reader = connection.sql("select * from range(100_000_000)").to_arrow_reader(1_000)

    def read() -> None:
        with stop.watching(connection):
            reader.read_next_batch()
            stop.call()
            reader.read_all()

    with pytest.raises(StoppedError):
        read()


def test_what_was_stopped_does_not_begin(connection: duckdb.DuckDBPyConnection) -> None:
    stop = Stop()
    stop.call()
    with pytest.raises(StoppedError), stop.watching(connection):
        pytest.fail("it began")


def test_other_failures_stay_what_they_are(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.CatalogException), Stop().watching(connection):
        connection.sql("select * from nowhere").fetchall()


def test_no_more_rows_are_made_than_are_allowed(connection: duckdb.DuckDBPyConnection) -> None:
    ten = "select range as number from range($count)"
    assert read_at_most(connection, ten, {"count": 10}, 10)["number"].to_pylist() == list(range(10))
    with pytest.raises(TooManyRowsError):
        read_at_most(connection, ten, {"count": 10}, 9)
    assert read_at_most(connection, ten, {"count": 0}, 0).column_names == ["number"]
    with pytest.raises(TooManyRowsError):
        read_at_most(connection, "select * from range(1_000_000_000_000)", {}, 1_000)
