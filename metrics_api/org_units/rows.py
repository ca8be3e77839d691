"""Rows: the projects or departments of a list, and what they can be filtered and sorted by."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from metrics_api.listing import Column, CountQuery, ListQuery, Page
from metrics_api.org_units.figures import Figures, read_figures
from metrics_api.policy import Actor, may
from metrics_api.services import Caller
from queries.averages import RANGES, Average
from queries.control.chart import Chart, Unit
from queries.present import Level

PERCENT = 100

READY = "Ready"
"""The phase of all projects: there is nothing that would have to be made ready."""


MOST_FOUND = 32
"""How many ways to filter and sort are remembered."""


@dataclass(frozen=True, slots=True)
class Row:
    unit: Unit
    figures: Figures


def percent(ratio: float | None) -> float | None:
    return None if ratio is None else ratio * PERCENT


AVERAGED: dict[str, Callable[[Average], float | None]] = {
    "avgGpuAllocation": lambda average: average.gpus_allocated,
    "avgGpuUtilization": lambda average: percent(average.utilization),
    "avgGpuMemoryUtilization": lambda average: percent(average.memory_utilization),
}
"""What there are averages of, each over every range."""


def averaged(name: str, value: Callable[[Average], float | None]) -> Callable[[Any], float | None]:
    return lambda row: value(row.figures.average(row.unit, name))


RANGE_OF: dict[str, str] = {f"{field}{name}": name for field in AVERAGED for name in RANGES}
"""The range that a column is about."""

PRESENT = {
    "totalGpuQuota": lambda row: row.figures.gpu_quota(row.unit),
    "gpuAllocated": lambda row: row.figures.allocated(row.unit).gpu,
}

COLUMNS = (
    Column("name", lambda row: row.unit.name, is_searched=True),
    Column("clusterId", lambda row: row.unit.place.cluster),
    *(Column(name, value, float) for name, value in PRESENT.items()),
    Column("createdAt", lambda row: row.unit.created_at, datetime),
    *(Column(f"{field}{name}", averaged(name, value), float) for name in RANGES for field, value in AVERAGED.items()),
)

PROJECT_COLUMNS = (
    *COLUMNS,
    Column("departmentId", lambda row: row.unit.place.department),
    Column("parentId", lambda row: row.unit.place.department),
    Column("parentName", lambda row: row.unit.parent and row.unit.parent.name),
    Column("phase", lambda _: READY),
)


class Rows:
    """The rows that somebody may see. While nothing changes, what is asked again is not filtered and sorted anew."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._found: dict[Hashable, Sequence[Row]] = {}

    def page(self, query: ListQuery) -> Page[Row]:
        asked = query.filterBy, query.search, query.sortBy, query.sortOrder
        if asked not in self._found:
            if len(self._found) == MOST_FOUND:
                del self._found[next(iter(self._found))]
            self._found[asked] = query.found(self.rows)
        return query.cut(self._found[asked])


async def read_rows(caller: Caller, chart: Chart, level: Level, query: CountQuery) -> Rows:
    """The units that the caller may see, with what the query needs of them: what a page shows, where it is a list;
    else what it filters by."""
    is_list = isinstance(query, ListQuery)
    asked = {each.field for each in query.filterBy}
    figures = await read_figures(
        caller,
        chart,
        level,
        has_present=is_list or bool(asked & set(PRESENT)),
        ranges=tuple(RANGES) if is_list else {RANGE_OF[name] for name in asked if name in RANGE_OF},
    )
    actor = caller.actor

    async def make() -> Rows:
        return Rows([Row(unit, figures) for unit in seen(actor, chart, level)])

    grants = tuple((each.role.id, each.scope_type, each.scope_id) for each in actor.grants)
    version = chart.revision, chart.hour, figures.present, *figures.averages.values()
    return await caller.services.memory.get(("rows", level, is_list, actor.tenant_id, grants), version, make)


def seen(actor: Actor, chart: Chart, level: Level) -> Iterable[Unit]:
    """The units that an actor may see; not of clusters that are deleted."""
    units = (chart.project_units if level == "project" else chart.department_units).values()
    own = [unit for unit in units if unit.place.tenant == actor.tenant_id and not unit.cluster.delete_requested_at]
    if may(actor, "read", level):
        return own
    return [unit for unit in own if may(actor, "read", level, unit.place)]
