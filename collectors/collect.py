"""Collect: from one cluster's Prometheus to booked hours in the lake. The whole story on one screen."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from collectors.prometheus import Prometheus
from collectors.reading import read_inputs
from collectors.registry import Registry
from queries.lake import Lake
from queries.ledger.book import book
from queries.ledger.inputs import Inputs
from queries.ledger.review import Policy, Review
from queries.memory import give_back
from queries.settings import Cluster
from queries.window import Window, join_hours

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def never() -> bool:
    return False


@dataclass(frozen=True)
class Collected:
    """One hour of one cluster, and whether it was written: not if the lake had a later reading of it."""

    hour: Window
    is_written: bool
    rows: int
    note: str | None = None
    """What was kept of it, or why it was refused: Prometheus knows less of it than the lake."""


def collect(
    prometheus: Prometheus,
    lake: Lake,
    hours: Iterable[Window],
    at_once: int = 1,
    clock: Clock = now,
    is_over: Callable[[], bool] = never,
    registry: Registry | None = None,
    policy: Policy = "keep",
) -> Iterator[Collected]:
    """Read, book and commit hours, up to ``at_once`` adjoining ones together. While some are booked and committed, the
    next are read. is_over: when it says so, what has been read is committed, and no more is read; asked after each
    read, so that however late it is, the first is done. registry: refuses GPUs that are another cluster's.
    policy: what is done where Prometheus knows less of an hour than the lake.

    Raises:
        PrometheusError: the cluster could not be read; what was committed before stays.
        ConflictError: GPUs that were read are another cluster's; nothing is booked of what was read with them.
        LakeError: the lake could not be written.
    """
    with ThreadPoolExecutor(1, f"booker-{prometheus.cluster.name}") as booker:
        under_way: Future[list[Collected]] | None = None
        for place, run in enumerate(join_hours(list(hours), at_once)):
            if place and is_over():
                break
            window = Window(run[0].start, run[-1].end)
            as_of = clock()
            inputs = read_inputs(prometheus, window, as_of)
            if registry:
                registry.check(prometheus.cluster.name, gpus_of(inputs), window)
            if under_way:
                yield from under_way.result()
            under_way = booker.submit(settle, lake, prometheus.cluster, window, as_of, inputs, policy)
        if under_way:
            yield from under_way.result()


def gpus_of(inputs: Inputs) -> set[str]:
    return set(inputs.tables["device_ids"]["gpu_uuid"].to_pylist())


def settle(
    lake: Lake,
    cluster: Cluster,
    window: Window,
    as_of: datetime,
    inputs: Inputs,
    policy: Policy,
) -> list[Collected]:
    """Book hours and commit them together. Of some the lake may have a later reading already, or know more."""
    with duckdb.connect(config={"threads": 1}) as connection:
        booked = book(connection, cluster, window, as_of, inputs)
    lake.replace_workloads(cluster.name, window, booked.workloads, as_of)
    review = Review(cluster, as_of, policy)
    written = lake.replace(window, booked.of(window), review)
    give_back()
    return [Collected(hour, hour in written, len(booked.of(hour)), review.notes.get(hour)) for hour in window.hours()]
