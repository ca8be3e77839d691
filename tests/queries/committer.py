"""A process that commits hours to a lake, over and over, until it is killed: ``python -m tests.queries.committer LAKE SEED``."""

import random
import sys
import time
from datetime import datetime

import pyarrow as pa

from queries.lake import Lake
from queries.window import HOUR, Window
from tests.sketch import START, Sketch

HOURS = 6


def sketch(start: datetime = START) -> Sketch:
    """What every committer books: two GPUs, one of them held."""
    drawn = Sketch(minutes=60 * HOURS, start=start)
    drawn.node("n1", 2)
    drawn.pod("p", "n1", 1)
    drawn.gpu("GPU-a", "n1", 0.5, pod="p")
    drawn.gpu("GPU-b", "n1", 0.0)
    return drawn


def revised(rows: pa.Table, revision: int) -> pa.Table:
    """The same rows, as if they had been read at another time."""
    place = rows.column_names.index("revision")
    return rows.set_column(place, "revision", pa.repeat(pa.scalar(revision, pa.int64()), len(rows)))


def main(path: str, seed: str) -> None:
    booked = sketch().book(HOURS)
    lake = Lake(path)
    lake.create()
    dice = random.Random(seed)  # noqa: S311 - it only has to differ
    print("ready", flush=True)
    while True:
        number = dice.randrange(HOURS)
        hour = Window(START + number * HOUR, START + (number + 1) * HOUR)
        lake.replace(hour, revised(booked.of(hour), time.time_ns() // 1000))


if __name__ == "__main__":
    main(*sys.argv[1:])
