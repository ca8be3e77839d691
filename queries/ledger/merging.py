"""Merging: raw rows of two readings of the same hours, and their sums."""

from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from queries.catalogue import METRICS, READINGS
from queries.datasets import LEDGER_SCHEMA, WHAT
from queries.ledger.steps import Present, parsed
from queries.ledger.storing import stored_rows
from queries.settings import Cluster
from queries.template import read_template
from queries.window import milliseconds

NAMES = [f'"{name}"' for name, _ in WHAT if name not in ("reason", "utilization_source")]
"""What a row speaks of; its reason, and where its utilization is from, may change from step to step."""

EVERYTHING = Present(frozenset(reading.number for reading in READINGS.values()), frozenset(METRICS))


def merge(
    connection: duckdb.DuckDBPyConnection, cluster: Cluster, as_of: datetime, read: pa.Table, kept: pa.Table
) -> pa.Table:
    """The raw rows of whole hours of which some steps were read and the others kept, all as read at ``as_of``, and
    these hours summed. read, kept: raw rows in the columns of LEDGER_SCHEMA, of different steps."""
    raw = pa.concat_tables([read.filter(pc.not_equal(read["kind"], "empty")), kept])
    place = LEDGER_SCHEMA.names.index("revision")
    raw = raw.set_column(place, LEDGER_SCHEMA.field(place), pa.repeat(int(as_of.timestamp()), len(raw)))
    return pa.concat_tables([raw, summed(connection, cluster, as_of, raw)])


def summed(connection: duckdb.DuckDBPyConnection, cluster: Cluster, as_of: datetime, raw: pa.Table) -> pa.Table:
    """Raw rows of the lake summed to hours, by the same SQL that sums what was just booked."""
    connection.register("raw", raw)
    for table in ("stored_rows", "stored_names"):
        sql = read_template("queries.ledger", table).render(names=NAMES)
        connection.execute(f"create or replace temp table {table} as {sql}")
    connection.register("rows", connection.table("stored_rows").to_arrow_table())
    for statement in parsed("hours", EVERYTHING):
        connection.execute(statement)
    sums, names = (connection.table(name).to_arrow_table() for name in ("hours", "stored_names"))
    until = milliseconds(as_of) // milliseconds(cluster.step) * milliseconds(cluster.step)
    return stored_rows("hour", cluster, until, as_of, sums, names).cast(LEDGER_SCHEMA)
