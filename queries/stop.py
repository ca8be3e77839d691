"""Stop: how others end a question that is being answered, and how much it may answer."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import duckdb
import pyarrow as pa

warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
"""That copies rows, of which answers have few. A relation plans the query twice, which takes longer."""


class StoppedError(Exception):
    """The question was stopped before it was answered."""


class TooManyRowsError(Exception):
    """The answer has more rows than it may have."""


class Stop:
    """Given to one question. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self.is_called = False

    def call(self) -> None:
        """End the question. DuckDB forgets an interrupt that comes just before a query begins: whoever must be sure
        calls again until the question has ended."""
        with self._lock:
            self.is_called = True
            for connection in self._running:
                connection.interrupt()

    @contextmanager
    def watching(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """While a query runs.

        Raises:
            StoppedError: it was stopped, or was so before it began.
        """
        with self._lock:
            if self.is_called:
                raise StoppedError
            self._running.add(connection)
        try:
            yield
        except (duckdb.Error, OSError):  # Arrow tells of an interrupt as an OSError
            if self.is_called:
                raise StoppedError from None
            raise
        finally:
            with self._lock:
                self._running.discard(connection)


def read_at_most(connection: duckdb.DuckDBPyConnection, sql: str, parameters: object, rows: int) -> pa.Table:
    """The answer of a query, unless it has too many rows: then no more than one more is made.

    Raises:
        TooManyRowsError: there are more rows.
    """
    found: pa.Table = connection.execute(parsed(f"select * from ({sql}) limit {rows + 1}"), parameters).to_arrow_table()
    if len(found) > rows:
        raise TooManyRowsError
    return found


@lru_cache(maxsize=250)
def parsed(sql: str) -> duckdb.Statement:
    """A query that may be asked again: parsing takes a fifth of the time of a short one."""
    (statement,) = duckdb.extract_statements(sql)
    return statement
