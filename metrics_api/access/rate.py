"""Rate: how often somebody may ask."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

MINUTE = 60.0

MOST = 100_000
"""How many are remembered; those that asked longest ago are forgotten first."""


class Rate:
    """Everybody has a bucket of as many requests as a minute has, which fills again as the minute passes. It is kept as
    the time at which it will be full."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds_each = MINUTE / per_minute if per_minute else 0.0
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait_seconds(self, who: str) -> int:
        """Take a request from somebody's bucket; where there is none, in how many seconds there will be one."""
        if not self.seconds_each:
            return 0
        now = self._clock()
        full_at = max(now, self._full_at.get(who, now)) + self.seconds_each
        if full_at - now > MINUTE:
            return math.ceil(full_at - now - MINUTE)
        self._full_at[who] = full_at
        self._full_at.move_to_end(who)
        if len(self._full_at) > MOST:
            self._full_at.popitem(last=False)
        return 0
