"""Upkeep: what is over is compacted, what is too old is dropped, logs are summed up, files that nothing needs are
removed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from queries.lake import Lake
from queries.settings import Settings
from queries.table import Table

FINAL = timedelta(hours=1)
"""How long after its grace a time is left alone: its last hour is written once more."""


def keep_up(lake: Lake, settings: Settings, now: datetime) -> Iterator[str]:
    """Do all upkeep that is due, and tell it piece by piece. Safe beside collectors and readers, when killed, and where
    several do it at once.

    Raises:
        LakeError: the lake cannot be written; what was done before stays.
    """
    for table in lake.tables:
        yield from drop_expired(table, settings, now)
        yield from compact(table, now - settings.collect.grace - FINAL)
        table.checkpoint()
        removed = table.vacuum()
        if removed:
            yield f"removed {removed} files that no version of the {table.dataset.name} needs any more"


def drop_expired(table: Table, settings: Settings, now: datetime) -> Iterator[str]:
    """Samples have a retention of their own; everything else is kept as long as rollups."""
    retention = settings.store.retention
    for layer in table.dataset.orders:
        before = now - (retention.samples if layer == "raw" else retention.rollups)
        for cluster, period in table.snapshot().expired(layer, before):
            table.drop(cluster, layer, period)
            yield f"dropped the {rows_of(table, layer)} of {cluster} of {period}"


def compact(table: Table, before: datetime) -> Iterator[str]:
    for cluster, layer, window in table.snapshot().scattered(before):
        files = table.compact(cluster, layer, window)
        yield f"put the {rows_of(table, layer)} of {cluster} of {window} from {files} files into one"


def rows_of(table: Table, layer: str) -> str:
    return f"{layer} rows" if layer else table.dataset.name
