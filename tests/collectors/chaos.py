"""The processes of the chaos test: collectors that work until they are killed, and readers that check every answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, count
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

import pytest

from collectors.collector import Collector
from collectors.upkeep import keep_up
from queries.catalogue import LEDGER_COLUMNS
from queries.engine import Engine
from queries.lake import Lake
from queries.question import Answer, Asker, Question
from queries.scope import EVERYTHING
from queries.settings import Collect, Settings
from queries.window import HOUR
from tests.collectors.site import LATER, START, WINDOW, cluster

DAY_AFTER = START + timedelta(hours=26)
"""At this time, upkeep compacts what is being collected: more often than it would, and no less safely."""

PAUSE = 0.2
"""Between the answers, so that readers leave the processors to the collectors."""


def collect_until_killed(url: str, folder: str, time: datetime, ready: Connection) -> None:
    """All that a collector does, over and over, at some time of the site. Every look at the clock takes a second."""
    seconds = count()
    collector = Collector(
        cluster(url, backfill="1d"), Lake(folder), Collect(), lambda: time + next(seconds) * timedelta(seconds=1)
    )
    ready.send("ready")
    while True:
        collector.tick()
        list(collector.catch_up())
        list(collector.correct_late())
        list(keep_up(collector.lake, Settings(), DAY_AFTER))


def query_until(stop: Event, folder: str, answered: Connection) -> None:
    """Ask for hours and for half hours of one version, and check both. Sends how many answers there were, and what was
    wrong with the first that was."""
    engine, problem, answers = Engine(Lake(folder)), "", 0
    while not stop.is_set() and not problem:
        asker = Asker(engine, EVERYTHING, [], LATER)
        hours, halves = (asker.ledger(Question(WINDOW, step)) for step in (HOUR, HOUR / 2))
        problem = next(chain(problems_of(hours), problems_between(hours, halves)), "")
        answers += 1
        stop.wait(PAUSE)
    answered.send((answers, problem))
    engine.close()


def problems_of(hours: Answer) -> Iterator[str]:
    """An hour has two GPUs, in as many minutes as were collected, each in one column, each once."""
    for row in hours.rows.to_pylist():
        booked = sum(row[f"{column}_seconds"] for column in LEDGER_COLUMNS)
        if booked != pytest.approx(row["capacity_seconds"]):
            yield f"{row['time']}: {booked} were booked of {row['capacity_seconds']}"
        if row["capacity_seconds"] > 7200 or row["capacity_seconds"] % 120:
            yield f"{row['time']}: a capacity of {row['capacity_seconds']}"


def problems_between(hours: Answer, halves: Answer) -> Iterator[str]:
    """The samples say what the sums say."""
    for column in (f"{column}_seconds" for column in LEDGER_COLUMNS):
        sums, samples = (sum(answer.rows[column].to_pylist()) for answer in (hours, halves))
        if sums != pytest.approx(samples):
            yield f"{column}: {sums} in hours and {samples} in samples"
