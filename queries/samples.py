"""Samples: a window in so many equal parts, of each of which the mean is told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from queries.window import HOUR, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONG = timedelta(days=31)
"""Parts of longer windows are whole hours."""


@dataclass(frozen=True)
class Samples:
    """So many steps, as long as each other as far as the samples that are kept allow it; fewer, where there are fewer
    of those."""

    count: int
    finest: timedelta

    def starts(self, window: Window) -> list[datetime]:
        """When the steps begin, in order, and when the last one ends."""
        whole = window.length // self.finest
        count = max(1, min(self.count, whole))
        return [window.start + number * whole // count * self.finest for number in range(count + 1)]

    def aligned(self, window: Window) -> Window:
        """The window with its ends where samples begin, so that it is told whole."""
        return Window(
            window.start - (window.start - EPOCH) % self.finest, window.end + (EPOCH - window.end) % self.finest
        )


def samples_of(window: Window, count: int, finest: timedelta) -> Samples:
    return Samples(count, max(finest, HOUR) if window.length > LONG and window.length / count >= HOUR else finest)
