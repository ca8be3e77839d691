"""LakeError: what is wrong with the lake, and what would be right, from what its libraries say."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from deltalake.exceptions import CommitFailedError, TableNotFoundError

ROOM = "make room; what was committed is whole, and collecting goes on by itself"
PERMISSION = "let this user write there"
ADVICE = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: ROOM,
    errno.EACCES: PERMISSION,
    errno.EPERM: PERMISSION,
    errno.EROFS: PERMISSION,
    errno.ENOTDIR: "name a folder that this user can write",
    errno.EIO: "look after the disk",
}

REPAIR = "a file is damaged or gone; `metrics-collect repair` takes it out and tells what is lost"

DAMAGED = (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException)
"""What DuckDB raises at a file that is damaged or gone; sometimes a plain duckdb.Error."""


class LakeError(Exception):
    """The lake cannot be read or written; the message names the path and what would be right."""


@contextmanager
def reading(folder: str) -> Iterator[None]:
    """While DuckDB reads files of a folder.

    Raises:
        LakeError: one is damaged or gone.
    """
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if is_damage(error):
            raise unreadable(folder, error) from error
        raise


def unreadable(folder: str, error: Exception) -> LakeError:
    return LakeError(f"store.path: cannot read {folder}: {explain(error)}")


def unwritable(folder: str, error: Exception) -> LakeError:
    return LakeError(f"store.path: cannot write to {folder}: {explain(error)}")


def explain(error: Exception) -> str:
    """What happened and what to do, without the layers around it."""
    if isinstance(error, TableNotFoundError):
        return "there is no table; it was deleted, or never made: collectors make a new one"
    first = str(error).split("\n", 1)[0]
    if isinstance(error, CommitFailedError):
        return first
    number = errno_of(error)
    if number and number != errno.ENOENT:
        return f"{os.strerror(number)}; {ADVICE.get(number, 'is the disk there?')}"
    return f"{first}; {REPAIR}" if is_damage(error) else first


def errno_of(error: Exception) -> int | None:
    """The operating system's number, as Python or, in its text, Rust tells it."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found else getattr(error, "errno", None)


def is_damage(error: Exception) -> bool:
    """Whether a file is not what was written: what the libraries say of one that is damaged or gone."""
    if isinstance(error, duckdb.Error):
        return isinstance(error, DAMAGED) or type(error) is duckdb.Error
    return re.search(r"Parquet|Kernel error|Json error|not found", str(error)) is not None
