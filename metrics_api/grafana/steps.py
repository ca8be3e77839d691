"""Steps: how finely a target is told: as its payload says, or as finely as the panel has room for."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from metrics_api.parameters import LONGEST, Stepped, check_step
from queries.buckets import Step
from queries.calendar import UTC_ZONE, Calendar, in_zone
from queries.question import POINTS, STEPS
from queries.window import Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DAY = timedelta(days=1)

WIDEST_MILLISECONDS = 1e12


@dataclass(frozen=True)
class Width:
    """How fine a panel can show: the shortest step that it asks for, and the number of points that it has room for."""

    interval: timedelta = timedelta(0)
    points: float = POINTS

    @classmethod
    def of(cls, interval_milliseconds: float | None, points: float | None) -> "Width":
        most = points if points and points >= 1 and math.isfinite(points) else POINTS
        interval = interval_milliseconds or 0
        return cls(timedelta(milliseconds=min(max(interval, 0), WIDEST_MILLISECONDS)), min(most, LONGEST))

    @property
    def is_a_number(self) -> bool:
        """Whether there is room for one value alone."""
        return self.points < 2

    def fitting(self, window: Window, finest: timedelta) -> timedelta:
        """The finest step that there is room for."""
        least = max(finest, self.interval, window.length / (self.points - 1))
        step = next((step for step in STEPS if step >= least and step % finest == timedelta(0)), None)
        return step or math.ceil(least / DAY) * DAY


def chosen_step(query: Stepped, width: Width, finest: timedelta) -> Step:
    """The step that is asked for; else the finest that the panel has room for.

    Raises:
        ApiError: 400, where it is finer than the samples.
    """
    if query.step is None:
        return in_zone(width.fitting(query.window(), finest), query.tz or UTC_ZONE)
    check_step(query.step, finest)
    return query.steps() or query.step


def aligned_to(window: Window, step: Step) -> Window:
    """The whole steps that a window touches: what begins or ends within one would look like less."""
    if isinstance(step, Calendar):
        edges = step.starts(window)
        return Window(edges[0], edges[-1])
    return Window(window.start - (window.start - EPOCH) % step, window.end + (EPOCH - window.end) % step)
