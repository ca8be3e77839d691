"""Repair: files of a table that are damaged or gone are taken out, so that it can be read, and what they held be
collected again."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from queries.lake_error import unreadable
from queries.table import Table
from queries.window import HOUR, format_time

DAMAGED = ".damaged"
"""What is added to the name of a damaged file; it is kept, for those who can save something of it."""


def repair(table: Table) -> Iterator[str]:
    """Look through every file of a table, and tell what had to be taken out.

    Raises:
        LakeError: its log is damaged beyond its newest commits; nothing was changed.
    """
    yield from repair_log(table)
    yield from repair_files(table)


def repair_log(table: Table) -> Iterator[str]:
    """Take out the newest commit, again and again, as long as it is damaged; and a damaged summary of the log where the
    commits before it are all there."""
    while (problem := problem_of(table)) is not None:
        damaged = damaged_newest(Path(table.folder) / "_delta_log")
        if damaged is None:
            raise unreadable(table.folder, problem) from problem
        damaged.rename(f"{damaged}{DAMAGED}")
        yield f"took {damaged} out, which was damaged: the commits that it told are lost"


def problem_of(table: Table) -> Exception | None:
    with suppress(TableNotFoundError):
        try:
            DeltaTable(table.folder)
        except (OSError, DeltaError) as error:
            return error
    return None


def damaged_newest(log: Path) -> Path | None:
    """The newest commit if it cannot be read, or the newest summary (checkpoint) if that cannot be read."""
    commits = sorted(log.glob("*.json"))
    if commits and not is_json(commits[-1]):
        return commits[-1]
    summaries = sorted(log.glob("*.checkpoint.parquet"))
    if summaries and not is_parquet(str(summaries[-1])):
        (log / "_last_checkpoint").unlink(missing_ok=True)
        return summaries[-1]
    return None


def repair_files(table: Table) -> Iterator[str]:
    """Take out the files of rows that cannot be read from beginning to end."""
    snapshot = table.snapshot()
    files = [file for file in snapshot.files.to_pylist() if not is_parquet(f"{table.folder}/{file['path']}")]
    for file in files:
        path = Path(table.folder, file["path"])
        if path.exists():
            path.rename(f"{path}{DAMAGED}")
        rows = f"{file['layer']} rows" if file["layer"] else table.dataset.name
        times = f"{format_time(file['min_window'])} to {format_time(file['max_window'] + HOUR)}"
        yield f"took {path} out, which was damaged or gone: it held {rows} of {file['cluster']} from {times}"
    if files:
        table.forget_missing()


def is_json(path: Path) -> bool:
    try:
        return all(json.loads(line) for line in path.read_text().splitlines())
    except ValueError:
        return False


def is_parquet(path: str) -> bool:
    """Whether all of a file can be read."""
    try:
        with duckdb.connect() as connection:
            connection.sql("select count(columns(*)) from read_parquet($path)", params={"path": path}).fetchall()
    except duckdb.Error:
        return False
    return True
