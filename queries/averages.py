"""Averages: what projects and departments held over a day, a week and a month, from whole hours of the ledger."""

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from queries.accounting import DEPARTMENTS
from queries.catalogue import DIMENSIONS, METRICS
from queries.datasets import TIME
from queries.plan import Part
from queries.present import Key, Level
from queries.question import Asker
from queries.window import Window

RANGES: dict[str, timedelta] = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
"""As Run:ai calls them."""

ALLOCATED = METRICS["gpus_allocated"]
UTILIZATION = METRICS["gpu_utilization_of_allocated_ratio"]
MEMORY = METRICS["gpu_memory_utilization_ratio"]


@dataclass(frozen=True)
class Average:
    """GPUs, and ratios of 0 to 1; None where nothing is known."""

    gpus_allocated: float | None
    utilization: float | None
    memory_utilization: float | None


UNKNOWN = Average(None, None, None)


@dataclass(frozen=True, eq=False)
class Averages:
    """Of a range that ended at a full hour."""

    end: datetime
    each: Mapping[Key, Average]

    def of(self, key: Key) -> Average:
        return self.each.get(key, UNKNOWN)


def window_of(name: str, now: datetime) -> Window:
    """The hours of a range, until the newest that is over."""
    end = Window.hour_of(now).start
    return Window(end - RANGES[name], end)


def state_of(asker: Asker, window: Window) -> tuple[Hashable, ...]:
    """While it is the same, so are the averages of the window: files never change."""
    return asker.scope, asker.snapshot.files_of(Part("hour", window))


def ask_averages(asker: Asker, window: Window, level: Level, made: Iterable[tuple[Key, datetime]]) -> Averages:
    """Of all that there are, in one question. made: the units, and when each was made."""
    rows = asker.engine.ask(
        "averages",
        asker.scope,
        asker.snapshot,
        [Part("hour", window)],
        {"start": int(window.start.timestamp()), "end": int(window.end.timestamp())},
        relations={"units": units_of(made)},
        joins=(DEPARTMENTS,) if level == "department" else (),
        is_grouped=True,
        with_times=True,
        unit=DIMENSIONS[level].sql,
        metrics=(ALLOCATED, UTILIZATION, MEMORY),
    )
    columns = (rows[name].to_pylist() for name in ("cluster", "unit", ALLOCATED.name, UTILIZATION.name, MEMORY.name))
    return Averages(
        window.end,
        {
            (cluster, unit): Average(known(gpus), known(utilization), known(memory))
            for cluster, unit, gpus, utilization, memory in zip(*columns, strict=True)
        },
    )


def units_of(made: Iterable[tuple[Key, datetime]]) -> pa.Table:
    rows = [{"cluster": cluster, "unit": unit, "made": Window.hour_of(time).start} for (cluster, unit), time in made]
    return pa.Table.from_pylist(rows, pa.schema([("cluster", pa.string()), ("unit", pa.string()), ("made", TIME)]))


def known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
