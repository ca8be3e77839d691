"""Buckets: the steps that an answer is told in, and when each begins."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from queries.calendar import Calendar
from queries.datasets import TIME
from queries.samples import Samples
from queries.window import HOUR, Window, format_time

Step = timedelta | Calendar

Steps = Step | Samples

Pick = Literal["whole", "newest", "slots", "steps", "calendar"]
"""How picked.sql lays rows into steps."""


@dataclass(frozen=True)
class Buckets:
    """The steps of a window. Those of a fixed length are counted from 1970; without a step there is one."""

    window: Window
    step: Steps | None

    @property
    def pick(self) -> Pick:
        if self.step is None:
            return "whole"
        return "steps" if isinstance(self.step, timedelta) else "calendar"

    @cached_property
    def edges(self) -> np.ndarray[Any, Any]:
        """When the steps begin, and when the last one ends, in Unix seconds."""
        start, end = int(self.window.start.timestamp()), math.ceil(self.window.end.timestamp())
        if self.step is None:
            return np.array([start, end], np.int64)
        if not isinstance(self.step, timedelta):
            return np.array([edge.timestamp() for edge in self.step.starts(self.window)], np.int64)
        seconds = int(self.step.total_seconds())
        return np.arange(start - start % seconds, end + seconds, seconds, dtype=np.int64)

    def starts(self) -> pa.Array:
        """When each step begins that the window touches."""
        begins = self.edges[self.edges < self.window.end.timestamp()]
        return pa.array(begins, pa.timestamp("s")).cast(pa.timestamp("us")).cast(TIME)

    def approximations(self, samples_since: datetime | None) -> Iterator[str]:
        """What is told less exactly, or not at all, because samples are no longer kept."""
        if not samples_since or samples_since <= self.window.start:
            return
        until = format_time(samples_since)
        if self.is_finer_than_hours:
            yield f"nothing is told before {until}: samples are no longer kept; ask for steps of whole hours"
        elif any(time < samples_since for time in self.hours_cut()):
            yield f"before {until} samples are no longer kept, and hours are not cut: each counts where it begins"

    def told(self, samples_since: datetime | None) -> Window:
        """The part of the window that can be told."""
        if self.is_finer_than_hours and samples_since and self.window.start < samples_since < self.window.end:
            return Window(samples_since, self.window.end)
        return self.window

    @property
    def is_finer_than_hours(self) -> bool:
        return isinstance(self.step, timedelta) and bool(self.step % HOUR)

    def hours_cut(self) -> list[datetime]:
        """The times within an hour at which the window or a step begins or ends."""
        inner = self.edges[self.edges % 3600 != 0] if self.pick == "calendar" else []
        times = [datetime.fromtimestamp(int(edge), UTC) for edge in inner]
        within = [time for time in times if self.window.start < time < self.window.end]
        ends = [time for time in (self.window.start, self.window.end) if Window.hour_of(time).start != time]
        return sorted({*within, *ends})

    @property
    def grain(self) -> int:
        """The seconds that all hours and edges are multiples of."""
        return int(np.gcd.reduce(np.append(self.edges, 3600)))

    def calendar(self) -> pa.Table:
        """For each stretch of the window, as long as the grain, when the step begins that it lies in."""
        start, end = int(self.window.start.timestamp()), math.ceil(self.window.end.timestamp())
        since = np.arange(start - start % self.grain, end, self.grain, dtype=np.int64)
        begins = self.edges[np.searchsorted(self.edges, since, "right") - 1]
        return pa.table({"since": since, "begins": begins})
