"""How often samples come, and when they did not."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from collectors.examination import Examination
from collectors.finding import Check, Finding, so_many
from collectors.prometheus import Expression, Selector, one_of
from collectors.vocabulary import Vocabulary
from queries.catalogue import READINGS, UTILIZATIONS
from queries.duration import format_duration
from queries.window import Window, milliseconds

DAY = timedelta(hours=24)

RASTER = timedelta(minutes=5)
"""How finely gaps are looked for: what is shorter than this is not found, or seems so long."""

LONGER = 1.2
"""An interval that is so many times a step is longer than it."""


def slow_scrapes(examination: Examination) -> Iterator[Finding]:
    step = examination.cluster.step
    for spoken in examination.spoken:
        if spoken.interval and spoken.interval > LONGER * step:
            yield Finding(
                "warning",
                f"{spoken.title} is sampled every {seconds(spoken.interval)}, and clusters.step is {seconds(step)}",
                "steps repeat what the one before said: more is stored than is known, and short jobs are missed",
                f"scrape it every {seconds(step)}, or set clusters.step to what is true",
            )


def gaps(examination: Examination) -> Iterator[Finding]:
    for vocabulary in examination.vocabularies:
        selector = lasting(examination, vocabulary)
        if not selector:
            continue
        found = gaps_of(examination, selector, raster_of(examination, vocabulary))
        if found:
            longest = max(found, key=lambda gap: gap[1])
            targets, total = (
                so_many(len({gap[0] for gap in found}), "target"),
                sum((gap[1].length for gap in found), timedelta(0)),
            )
            yield Finding(
                "warning",
                f"{vocabulary.title} was silent in the last 24 hours: {targets}, {seconds(total)} in all; the"
                f" longest from {longest[1].start:%H:%M} to {longest[1].end:%H:%M} UTC ({longest[0]})",
                "in this time GPUs are held or free if the scheduler spoke, else unknown",
                "see why the scrape failed then (`up`, scrape_duration_seconds of the target)",
            )


def lasting(examination: Examination, vocabulary: Vocabulary) -> Selector | None:
    """Of exporters of GPUs, the utilization; of a scheduler, what it remembers nodes by."""
    metrics = {
        read.selector.metric
        for read in vocabulary.reads
        if read.table == "gpu_series" and (vocabulary.name, read.selector.metric) in UTILIZATION_SERIES
    } & examination.present
    if metrics:
        return Selector("", (one_of("__name__", metrics),))
    is_there = vocabulary.memory and vocabulary.metrics & examination.present
    return vocabulary.memory.selector if vocabulary.memory and is_there else None


def raster_of(examination: Examination, vocabulary: Vocabulary) -> timedelta:
    """What comes more rarely has no gap between two samples."""
    intervals = [each.interval for each in examination.spoken if each.name == vocabulary.name and each.interval]
    return max([RASTER, *(2 * interval for interval in intervals)])


def gaps_of(examination: Examination, selector: Selector, raster: timedelta) -> list[tuple[str, Window]]:
    """Per scrape target, the times within the last day between two at which it was there."""
    window = Window(examination.window.end - DAY, examination.window.end)
    asked = f"count by (instance) (last_over_time($0[{milliseconds(raster)}ms]))"
    seen = examination.prometheus.read(Expression(asked, (selector,), raster), window)
    times: dict[str, list[int]] = defaultdict(list)
    for number, time in zip(seen.series.tolist(), seen.times.tolist(), strict=True):
        times[seen.labels[number].get("instance", "")].append(time)
    return [(target, gap) for target, own in times.items() for gap in between(own, milliseconds(raster))]


def between(times: list[int], raster: int) -> Iterator[Window]:
    """times and raster: in milliseconds."""
    for place in np.flatnonzero(np.diff(times) > raster).tolist():
        yield Window(moment(times[place]), moment(times[place + 1] - raster))


def moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)


def seconds(length: timedelta) -> str:
    return format_duration(timedelta(seconds=max(1, round(length.total_seconds()))))


UTILIZATION_SERIES = {key for key, reading in READINGS.items() if reading.number in UTILIZATIONS}

CHECKS = (
    Check("slow_scrapes", "samples come at least once a step", slow_scrapes),
    Check("gaps", "no exporter was silent in the last 24 hours", gaps),
)
