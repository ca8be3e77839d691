"""Whether what is collected can be kept, and is all there."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from collectors.examination import Examination
from collectors.finding import Check, Finding, so_many
from queries.lake import Lake
from queries.window import format_time

ALMOST_FULL = 0.05
"""A disk with less than this share free is almost full."""


def lake_not_writable(lake: Lake) -> Iterator[Finding]:
    folder = nearest(lake.folder)
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        yield Finding(
            "error",
            f"store.path: {folder} is {'read-only to this user' if folder.is_dir() else 'no folder'}",
            "nothing is collected",
            "name a folder in store.path that this user can write",
        )


def disk_almost_full(lake: Lake) -> Iterator[Finding]:
    disk = shutil.disk_usage(nearest(lake.folder))
    if disk.free < ALMOST_FULL * disk.total:
        yield Finding(
            "warning",
            f"the disk of the lake has {disk.free / 2**30:.1f} GiB free, {disk.free / disk.total:.0%} of it",
            "collection stops when it is full; nothing is damaged, and what was missed is filled from Prometheus later",
            "make room, or keep less: store.retention",
        )


def hours_missing(examination: Examination) -> Iterator[Finding]:
    """Before the first collection all are missing: that is no fault."""
    if examination.cluster.name not in examination.lake.snapshot().collected_until():
        yield Finding("note", "nothing of it has been collected yet", "", "metrics-collect run, or metrics-api serve")
        return
    missing = examination.collector.missing_hours()
    if missing:
        yield Finding(
            "warning",
            f"the lake lacks {so_many(len(missing), 'hour')} that Prometheus has, the first of them"
            f" {format_time(missing[0].start)}",
            "answers about them are incomplete, and say so",
            "`metrics-collect run` fills them, oldest first; or now: metrics-collect backfill --from"
            f" {format_time(missing[0].start)}",
        )


def nearest(path: str) -> Path:
    """A folder, or what there is of the way to it."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    return place


CHECKS = (Check("hours_missing", "no hour is missing in the lake", hours_missing),)

CHECKS_OF_LAKE = (
    Check("lake_not_writable", "the lake can be written", lake_not_writable),
    Check("disk_almost_full", "there is room on the disk of the lake", disk_almost_full),
)
