"""Figures: what projects and departments have now and had on average, asked once for all of them and remembered."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from metrics_api.asking import asker_of
from metrics_api.memory import GRACE_SECONDS
from metrics_api.services import Caller
from metrics_api.telemetry import newest
from queries.averages import RANGES, Average, Averages, ask_averages, state_of, window_of
from queries.averages import UNKNOWN as NO_AVERAGE
from queries.control.chart import Chart, Unit
from queries.engine import BOUNDLESS
from queries.present import NOTHING_NOW, UNKNOWN, Amounts, Level, Present, ask_present
from queries.question import Asker
from queries.scope import Scope
from queries.stop import Stop

T = TypeVar("T")

NO_AMOUNTS = Amounts(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Figures:
    """What is known of the units of a level. averages: by the name of the range; only those that were asked for."""

    present: Present = NOTHING_NOW
    averages: Mapping[str, Averages] = field(default_factory=dict)

    def average(self, unit: Unit, name: str) -> Average:
        return self.averages[name].of(unit.key) if name in self.averages else NO_AVERAGE

    def allocated(self, unit: Unit) -> Amounts:
        """What has nothing in a cluster that is known now, holds no GPUs."""
        nothing = NO_AMOUNTS if unit.key[0] in self.present.collected else UNKNOWN
        return self.present.allocated.get(unit.key, nothing)

    def requested(self, unit: Unit) -> Amounts:
        nothing = Amounts(0.0) if unit.key[0] in self.present.collected else UNKNOWN
        return self.present.requested.get(unit.key, nothing)

    def gpu_quota(self, unit: Unit) -> float | None:
        """What was set; else what the lake shows."""
        return self.present.gpu_quotas.get(unit.key) if unit.gpu_quota is None else unit.gpu_quota


def read_figures(
    caller: Caller, chart: Chart, level: Level, *, has_present: bool, ranges: Collection[str]
) -> Awaitable[Figures]:
    """The figures that are asked for, of all units."""
    return Reading(caller, chart, level).figures(has_present, ranges)


@dataclass(frozen=True)
class Reading:
    caller: Caller
    chart: Chart
    level: Level

    async def figures(self, has_present: bool, ranges: Collection[str]) -> Figures:
        asker = await asker_of(self.caller)
        present = await self.present(asker) if has_present else NOTHING_NOW
        return Figures(present, {name: await self.averages(asker, name) for name in RANGES if name in ranges})

    async def present(self, asker: Asker) -> Present:
        """Up to a minute old, so that nobody waits for each minute's samples."""
        window = newest(asker)
        scope, *state = asker.state
        version = self.caller.services.engine.lake.workloads.snapshot().version
        return await self.remembered(
            ("present", self.level, scope, self.chart.revision),
            (window, version, *state),
            asker,
            lambda limited: ask_present(limited, window, self.level),
        )

    async def averages(self, asker: Asker, name: str) -> Averages:
        window = window_of(name, asker.now)
        scope, files = state_of(asker, window)
        return await self.remembered(
            ("averages", self.level, name, scope, self.chart.shapes[self.level]),
            (window, files),
            asker,
            lambda limited: ask_averages(limited, window, self.level, self.births(asker.scope)),
        )

    def births(self, scope: Scope) -> Iterable[tuple[tuple[str, str], datetime]]:
        """When each unit was made; of projects, those that may be seen."""
        births = self.chart.births[self.level]
        if self.level == "department" or scope.is_everything:
            return births
        return [(key, made) for key, made in births if scope.includes(*key)]

    async def remembered(self, key: Hashable, version: Hashable, asker: Asker, ask: Callable[[Asker], T]) -> T:
        services = self.caller.services

        def work(stop: Stop) -> T:
            return ask(asker.within(stop, BOUNDLESS))

        return await services.memory.get(
            key, version, lambda: services.pool.answer(self.caller.who, work, is_short=True), GRACE_SECONDS
        )
