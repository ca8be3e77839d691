"""Upkeep: closed days are compacted, what is too old is dropped, files that nothing needs are removed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from queries.lake import Lake
from queries.settings import Settings

FINAL = timedelta(hours=1)
"""How long after its grace a day is left alone: its last hour is written once more."""


def keep_up(lake: Lake, settings: Settings, now: datetime) -> Iterator[str]:
    """Do all upkeep that is due, and tell it piece by piece. Safe beside collectors and readers, and when killed."""
    retention = settings.store.retention
    for layer, age in (("raw", retention.samples), ("hour", retention.rollups)):
        for cluster, period in lake.snapshot().expired(layer, now - age):
            lake.ledger.drop(cluster, layer, period)
            yield f"dropped the {layer} rows of {cluster} of {period}"
    for cluster, layer, window in lake.snapshot().scattered(now - settings.collect.grace - FINAL):
        files = lake.ledger.compact(cluster, layer, window)
        yield f"put the {layer} rows of {cluster} of {window} from {files} files into one"
    removed = lake.ledger.vacuum()
    if removed:
        yield f"removed {removed} files that no version needs any more"
