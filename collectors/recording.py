"""Recording: every run of a collector becomes a row of the lake, also where it failed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from collectors.collect import Clock, Collected
from collectors.prometheus import Prometheus
from queries.collection import Collection, Kind
from queries.lake import Lake, LakeError
from queries.window import Window

log = structlog.get_logger()


@dataclass
class Tally:
    """What a run does, as it goes on."""

    window: Window | None = None
    hours: int = 0
    rows: int = 0
    warnings: list[str] = field(default_factory=list)
    counted: dict[datetime, int] = field(default_factory=dict)

    def expect(self, hours: list[Window]) -> list[Window]:
        """The hours that the run is to collect."""
        if hours:
            self.window = Window(hours[0].start, hours[-1].end)
        return hours

    def add(self, done: Collected) -> Collected:
        if done.is_written:
            self.hours += 1
            self.rows += done.rows
        if done.note:
            self.warnings.append(done.note)
        return done


@contextmanager
def recorded(prometheus: Prometheus, lake: Lake, kind: Kind, clock: Clock) -> Iterator[Tally]:
    """Append a row that says how what is done inside went. One that found nothing to do leaves none."""
    tally, started_at, began = Tally(), clock(), time.perf_counter()
    samples, size = prometheus.samples_read, prometheus.bytes_read
    prometheus.warnings.clear()
    problem: str | None = None
    try:
        yield tally
    except Exception as error:
        problem = str(error) or repr(error)
        raise
    finally:
        if problem or tally.window:
            record(
                lake,
                Collection(
                    prometheus.cluster.name,
                    kind,
                    tally.window or Window.hour_of(started_at),
                    started_at,
                    time.perf_counter() - began,
                    prometheus.samples_read - samples,
                    prometheus.bytes_read - size,
                    tally.hours,
                    tally.rows,
                    problem,
                    (*tally.warnings, *sorted(prometheus.warnings)),
                    tally.counted,
                ),
            )


def record(lake: Lake, collection: Collection) -> None:
    """A lake that cannot be written must not hide why the run itself failed: that is raised, and this only told."""
    try:
        lake.collections.append(collection.table())
    except LakeError as error:
        log.error("a run could not be recorded", cluster=collection.cluster, kind=collection.kind, problem=str(error))
