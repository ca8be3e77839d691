"""Plan: which layer of the ledger answers which part of a window."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from queries.buckets import Buckets, Steps
from queries.window import Window


@dataclass(frozen=True)
class Part:
    """A stretch of time that is read from one layer."""

    layer: str
    window: Window


def plan(
    window: Window, step: Steps | None, samples_since: datetime | None = None, needs_samples: bool = False
) -> list[Part]:
    """Which layer answers which part of a window: hours where whole ones are asked for, samples for the rest; where
    samples are no longer kept, the hours that begin there, unless steps are finer than that."""
    buckets = Buckets(window, step)
    if needs_samples or buckets.is_finer_than_hours:
        raw = [window]
    else:
        raw = list(dict.fromkeys(within(Window.hour_of(time), window) for time in buckets.hours_cut()))
    if samples_since and not buckets.is_finer_than_hours:
        raw = [Window(max(part.start, samples_since), part.end) for part in raw if part.end > samples_since]
    return [Part("hour", part) for part in between(raw, window)] + [Part("raw", part) for part in raw]


def within(hour: Window, window: Window) -> Window:
    return Window(max(hour.start, window.start), min(hour.end, window.end))


def between(parts: list[Window], window: Window) -> Iterator[Window]:
    """What of a window some parts of it leave, in order."""
    start = window.start
    for part in parts:
        if start < part.start:
            yield Window(start, part.start)
        start = part.end
    if start < window.end:
        yield Window(start, window.end)
