"""Collect: from one cluster's Prometheus to booked hours in the lake. The whole story on one screen."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from collectors.prometheus import Prometheus
from collectors.reading import read_inputs
from queries.lake import Lake
from queries.ledger.book import Booked, book
from queries.ledger.inputs import Inputs
from queries.window import Window, join_hours

COMMITTERS = 2
"""How many hours of one cluster are committed at once: disjoint hours do not hinder each other."""

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Collected:
    """One hour of one cluster, and whether it was written: not if the lake had a later reading of it."""

    hour: Window
    is_written: bool
    rows: int


def collect(
    prometheus: Prometheus, lake: Lake, hours: Iterable[Window], at_once: int = 1, clock: Clock = now
) -> Iterator[Collected]:
    """Read, book and commit hours; up to ``at_once`` adjoining ones are read and booked together, each is committed by
    itself. While some are booked, the next are read and the last committed.

    Raises:
        PrometheusError: the cluster could not be read; what was committed before stays.
        LakeError: the lake could not be written.
    """
    runs = [Window(run[0].start, run[-1].end) for run in join_hours(list(hours), at_once)]
    name = prometheus.cluster.name
    with (
        ThreadPoolExecutor(1, f"reader-{name}") as reader,
        ThreadPoolExecutor(COMMITTERS, f"committer-{name}") as committer,
        duckdb.connect(config={"threads": 1}) as connection,
    ):
        readings = [reader.submit(read_at, prometheus, run, clock) for run in runs[:1]]
        commits: list[Future[Collected]] = []
        for place, run in enumerate(runs):
            as_of, inputs = readings.pop().result()
            readings += [
                reader.submit(read_at, prometheus, following, clock) for following in runs[place + 1 : place + 2]
            ]
            booked = book(connection, prometheus.cluster, run, as_of, inputs)
            yield from (committed.result() for committed in commits)
            commits = [committer.submit(commit, lake, hour, booked) for hour in run.hours()]
        yield from (committed.result() for committed in commits)


def read_at(prometheus: Prometheus, window: Window, clock: Clock) -> tuple[datetime, Inputs]:
    as_of = clock()
    return as_of, read_inputs(prometheus, window, as_of)


def commit(lake: Lake, hour: Window, booked: Booked) -> Collected:
    """Each hour is committed by itself: a later reading of one may be in the lake already."""
    rows = booked.of(hour)
    return Collected(hour, lake.replace(hour, rows), len(rows))
