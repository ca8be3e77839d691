"""Collector: keeps one cluster's hours in the lake up to date, and fills those that are missing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import structlog

from collectors.collect import Clock, Collected, collect, never, now
from collectors.exporters import vocabularies_of
from collectors.late import LATE, late_hours
from collectors.prometheus import Prometheus, Selector
from collectors.recording import Tally, recorded
from collectors.registry import Registry
from queries.collection import Kind
from queries.lake import Lake
from queries.ledger.review import Policy
from queries.settings import Cluster, Collect
from queries.window import HOUR, Window, milliseconds

AT_ONCE = 12
"""How many adjoining hours are read and booked together at most, where many are missing."""

SAMPLES_AT_ONCE = 300_000
"""How many samples are booked together at most, about: what bounds the memory of a backfill."""

log = structlog.get_logger()


class Collector:
    """One cluster's collector. Several may work on one cluster: what is done is read from the lake."""

    def __init__(
        self, cluster: Cluster, lake: Lake, settings: Collect, clock: Clock = now, registry: Registry | None = None
    ) -> None:
        self.cluster = cluster
        self.lake = lake
        self.settings = settings
        self.clock = clock
        self.prometheus = Prometheus(cluster)
        self.registry = registry
        self._memories = [vocabulary.memory for vocabulary in vocabularies_of(cluster) if vocabulary.memory]
        self._beginning: datetime | None = None
        self._looked_at: Window | None = None

    def tick(self) -> list[Collected]:
        """Write the open hour again, and those before it whose grace has not passed.

        Raises:
            PrometheusError, LakeError: nothing was written, or only whole hours.
        """
        with self.recorded("live") as tally:
            hours = tally.expect(self.open_hours())
            found = collect(self.prometheus, self.lake, hours, 2, self.clock, never, self.registry)
            return [tally.add(done) for done in found]

    def catch_up(self, is_over: Callable[[], bool] = never) -> Iterator[Collected]:
        """Collect the hours that are missing, oldest first, until told that it is over.

        Raises:
            PrometheusError, LakeError: what was committed before stays.
        """
        with self.recorded("fill") as tally:
            missing = tally.expect(self.missing_hours())
            if missing:
                log.info("filling", cluster=self.cluster.name, hours=len(missing), oldest=str(missing[0]))
            yield from map(tally.add, self._collect_many(missing, is_over))

    def fill(self, hours: list[Window]) -> Iterator[Collected]:
        """Collect hours that have passed, oldest first, as many at once as memory allows."""
        with self.recorded("fill") as tally:
            yield from map(tally.add, self._collect_many(tally.expect(hours), never))

    def correct(self, hours: list[Window], policy: Policy) -> Iterator[Collected]:
        """Collect hours again that are final."""
        with self.recorded("correction") as tally:
            yield from map(tally.add, self._collect_many(tally.expect(hours), never, policy))

    def correct_late(self, is_over: Callable[[], bool] = never) -> Iterator[Collected]:
        """Once an hour, collect those recent hours again of which Prometheus has more samples than when they were last
        looked at, or that were not looked at since they are final."""
        hour = Window.hour_of(self.clock())
        if self._looked_at == hour:
            return
        with self.recorded("correction") as tally:
            late = late_hours(self.prometheus, self.lake, self.final_hours(Window(hour.start - LATE, hour.start)))
            for done in self._collect_many(tally.expect(list(late)), is_over, "refuse"):
                tally.counted[done.hour.start] = late[done.hour]
                yield tally.add(done)
            if len(tally.counted) == len(late):
                self._looked_at = hour

    def recorded(self, kind: Kind) -> AbstractContextManager[Tally]:
        return recorded(self.prometheus, self.lake, kind, self.clock)

    def open_hours(self) -> list[Window]:
        """The hours that are not final yet: each is, once it was read after its grace."""
        time = self.clock()
        since = Window.hour_of(time - self.settings.grace - HOUR).start
        recent = Window(since, Window.hour_of(time).end)
        return [hour for hour in self.unfinished(recent) if hour.start + self.cluster.step <= time]

    def missing_hours(self) -> list[Window]:
        """The hours, oldest first, that should be in the lake and are not: as far back as the settings ask for and
        Prometheus has anything."""
        since = self.beginning()
        until = Window.hour_of(self.clock() - self.settings.grace - HOUR).start
        return list(self.unfinished(Window(since, until))) if since and since < until else []

    def unfinished(self, window: Window) -> Iterator[Window]:
        """The hours of a window that are missing, or were last read before their grace had passed."""
        return self.lake.snapshot().unfinished(self.cluster.name, window, self.settings.grace)

    def final_hours(self, window: Window) -> list[Window]:
        """The hours of a window that were read after their grace had passed."""
        open_hours = set(self.unfinished(window))
        return [hour for hour in window.hours() if hour not in open_hours]

    def _collect_many(
        self, hours: list[Window], is_over: Callable[[], bool], policy: Policy = "keep"
    ) -> Iterator[Collected]:
        if not hours:
            return
        at_once = max(1, min(AT_ONCE, SAMPLES_AT_ONCE // self.samples_in(hours[-1])))
        yield from collect(self.prometheus, self.lake, hours, at_once, self.clock, is_over, self.registry, policy)

    def samples_in(self, hour: Window) -> int:
        """How many samples of GPUs an hour has, about: every series one per step."""
        series = sum(self.count(memory.selector, hour) for memory in self._memories)
        return max(1, series * round(HOUR / self.cluster.step))

    def beginning(self) -> datetime | None:
        """The first hour, within the backfill that the settings ask for, of which Prometheus has anything. Looked for
        once."""
        if self._beginning is None:
            time = self.clock()
            self._beginning = self.find_beginning(Window.hour_of(time - self.cluster.backfill).start, time)
        return self._beginning

    def find_beginning(self, since: datetime, until: datetime) -> datetime | None:
        """First by the index, which knows of blocks only, by halves; then hour by hour."""
        low, high = 0, max(1, round((until - since) / HOUR))
        if not self.has_series(Window(since, until)):
            return None
        while low + 1 < high:
            middle = (low + high) // 2
            if self.has_series(Window(since, since + middle * HOUR)):
                high = middle
            else:
                low = middle
        hours = (
            Window(since + place * HOUR, since + (place + 1) * HOUR)
            for place in range(low, round((until - since) / HOUR) + 1)
        )
        return next((hour.start for hour in hours if self.has_samples(hour)), None)

    def has_series(self, window: Window) -> bool:
        return any(
            self.prometheus.label_values(label, memory.selector, window)
            for memory in self._memories
            for label in memory.node_labels
        )

    def has_samples(self, hour: Window) -> bool:
        return any(self.count(memory.selector, hour) for memory in self._memories)

    def count(self, selector: Selector, hour: Window) -> int:
        """How many of a selector's series had samples in an hour."""
        found = self.prometheus.ask(
            f"count(last_over_time($selector[{milliseconds(hour.length)}ms]))",
            selector,
            hour.end - timedelta(milliseconds=1),
        )
        return int(sum(count for _, count in found))
