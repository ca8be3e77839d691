"""Chart: the organisation as it stands, in memory: clusters with their node pools, departments, projects and quotas."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import pyarrow as pa
from sqlalchemy import select

from queries.assigned import QUOTAS, Assigned
from queries.control.database import Control
from queries.control.quotas import Amount, Change, Key, list_changes, newest
from queries.control.revision import read_revision
from queries.control.rules import Place
from queries.control.tables import SYSTEM, Cluster, DeletedProject, NodePool, Project
from queries.control.tables import Department as DepartmentRow
from queries.dated import LATEST
from queries.departments import Department, belonging_at
from queries.ids import department_id
from queries.window import Window

SECONDS = 1.0
"""How long the chart is taken for the newest: what another process changed is noticed so much later."""

Row = TypeVar("Row", DepartmentRow, Project, NodePool, DeletedProject)


@dataclass(frozen=True)
class Unit:
    """A project or a department, and where it is. key: how the ledger knows it; parent: the row of a project's
    department, if it has one. What lists are sorted by stands beside the row, which takes long to ask."""

    id: str
    name: str
    created_at: datetime
    key: tuple[str, str]
    row: Project | DepartmentRow
    cluster: Cluster
    place: Place
    parent: DepartmentRow | None
    amounts: Mapping[Key, Amount]

    @classmethod
    def of(
        cls,
        row: Project | DepartmentRow,
        cluster: Cluster,
        place: Place,
        parent: DepartmentRow | None,
        changes: Iterable[Change],
    ) -> "Unit":
        return cls(
            row.id,
            row.name,
            row.created_at,
            (cluster.name, row.name),
            row,
            cluster,
            place,
            parent,
            newest(changes),
        )

    @cached_property
    def gpu_quota(self) -> float | None:
        return self.total("gpu")

    def total(self, resource: str) -> float | None:
        """What it deserves of a resource in all node pools; None where nobody said."""
        told = [each.deserved_in_base_units for (_, name), each in self.amounts.items() if name == resource]
        known = [amount for amount in told if amount is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class Chart:
    """As of a revision. Rows are not to be changed."""

    revision: Hashable
    configured: Sequence[Department]
    """The departments of the configuration file."""
    clusters: Mapping[str, Cluster]
    departments: Mapping[str, DepartmentRow]
    projects: Mapping[str, Project]
    node_pools: Mapping[str, NodePool]
    deleted: Mapping[str, DeletedProject]
    changes: Mapping[str, Sequence[Change]]
    hour: datetime
    """The organisation of the configuration file is that of this hour."""

    def prepare(self) -> None:
        """Make what requests would wait for."""
        _ = self.assigned, self.project_units, self.department_units, self.children, self.pools_by_name, self.shapes

    @cached_property
    def project_units(self) -> dict[str, Unit]:
        """By id."""
        department_of = belonging_at(self.configured, self.hour)
        return {each.id: self._unit_of(each, department_of(each.name)) for each in in_order(self.projects.values())}

    @cached_property
    def department_units(self) -> dict[str, Unit]:
        """By id."""
        return {each.id: self._unit_in(each) for each in in_order(self.departments.values())}

    @cached_property
    def births(self) -> dict[str, frozenset[tuple[tuple[str, str], datetime]]]:
        """When each project and each department was made."""
        units = {"project": self.project_units, "department": self.department_units}
        return {
            level: frozenset((each.key, each.created_at) for each in found.values()) for level, found in units.items()
        }

    @cached_property
    def shapes(self) -> dict[str, int]:
        """What is another where there are other projects; or other departments, or other projects in them."""
        placed = frozenset((unit.key, unit.place.department) for unit in self.project_units.values())
        return {"project": hash(self.births["project"]), "department": hash((self.births["department"], placed))}

    def _unit_of(self, project: Project, by_name: str | None) -> Unit:
        cluster = self.clusters[project.cluster_id]
        parent = project.department_id
        if parent is None and by_name is not None:
            parent = department_id(cluster.name, by_name)
        place = Place(cluster.tenant_id, cluster.id, parent, project.id)
        found = self.departments.get(parent) if parent else None
        return Unit.of(project, cluster, place, found, self.changes.get(project.id, ()))

    def _unit_in(self, department: DepartmentRow) -> Unit:
        cluster = self.clusters[department.cluster_id]
        place = Place(cluster.tenant_id, cluster.id, department.id)
        return Unit.of(department, cluster, place, None, self.changes.get(department.id, ()))

    @cached_property
    def children(self) -> dict[str, list[Unit]]:
        """The projects of each department."""
        found: dict[str, list[Unit]] = {}
        for unit in self.project_units.values():
            if unit.parent:
                found.setdefault(unit.parent.id, []).append(unit)
        return found

    @cached_property
    def pools_by_name(self) -> dict[str, dict[str, NodePool]]:
        """Of each cluster."""
        found: dict[str, dict[str, NodePool]] = {}
        for pool in self.node_pools.values():
            found.setdefault(pool.cluster_id, {})[pool.name] = pool
        return found

    @cached_property
    def assigned(self) -> Assigned:
        """What the engine needs of it."""
        memberships = {
            (self.clusters[each.cluster_id].name, each.name): self.departments[each.department_id].name
            for each in self.projects.values()
            if each.department_id and each.department_id in self.departments
        }
        configured = {each.name for each in self.configured}
        departments = frozenset(
            (self.clusters[each.cluster_id].name, each.name)
            for each in self.departments.values()
            if each.name not in configured
        )
        made = {
            each.id: (self.clusters[each.cluster_id].name, each.name)
            for each in self.projects.values()
            if each.created_by != SYSTEM
        }
        return Assigned(self.revision, memberships, departments, made, self._quotas())

    def _quotas(self) -> pa.Table:
        known = [(each.id, each.cluster_id, each.name) for each in self.projects.values()]
        known += [(each.id, each.cluster_id, each.name) for each in self.deleted.values()]
        rows = [
            {"cluster": self.clusters[cluster].name, "project": name, **row}
            for identifier, cluster, name in known
            for row in self._stretches(self.changes.get(identifier, ()))
        ]
        return pa.Table.from_pylist(rows, QUOTAS)

    def _stretches(self, changes: Sequence[Change]) -> list[dict[str, object]]:
        """What counted of each node pool between two changes. The ledger is kept in hours: what was set within one
        counts from its beginning."""
        hours = sorted({Window.hour_of(change.since).start for change in changes})
        found: list[dict[str, object]] = []
        for since, until in pairwise([*hours, LATEST]):
            counting = newest(change for change in changes if Window.hour_of(change.since).start <= since)
            for pool in dict.fromkeys(pool for pool, _ in counting if pool in self.node_pools):
                gpus, cores, memory = (
                    counting[pool, name].deserved_in_base_units if (pool, name) in counting else None
                    for name in ("gpu", "cpu", "memory")
                )
                if (gpus, cores, memory) != (None, None, None):
                    found.append(
                        {
                            "node_pool": self.node_pools[pool].name,
                            "since": since,
                            "until": until,
                            "gpus_quota": gpus,
                            "cpu_quota_cores": None if cores is None else cores / 1000,
                            "memory_quota_bytes": memory,
                        }
                    )
        return found


def in_order(rows: Iterable[Row]) -> list[Row]:
    """By name: databases order texts each by its own rules."""
    return sorted(rows, key=lambda row: (row.name, row.id))


class Charts:
    """Keeps the newest chart. Safe to use from several threads."""

    def __init__(
        self, control: Control, departments: Sequence[Department], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._control = control
        self._departments = departments
        self._clock = clock
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._generation = 0
        self.newest = self._read()

    @property
    def is_stale(self) -> bool:
        return self._clock() >= self._until or self.newest.hour != Window.hour_of(datetime.now(UTC)).start

    def forget(self) -> None:
        """Something has changed."""
        self._generation += 1
        self._until = float("-inf")

    def read(self) -> Chart:
        """The newest, read anew where it has changed."""
        if not self.is_stale:
            return self.newest
        with self._lock:
            if self.is_stale:
                generation, until = self._generation, self._clock() + SECONDS
                with self._control.session() as session:
                    revision = read_revision(session)
                if revision != self.newest.revision or self.newest.hour != Window.hour_of(datetime.now(UTC)).start:
                    self.newest = self._read()
                if generation == self._generation:
                    self._until = until
            return self.newest

    def _read(self) -> Chart:
        with self._control.session() as session:
            revision = read_revision(session)
            clusters = {row.id: row for row in session.scalars(select(Cluster))}

            def by_id(table: type[Row]) -> dict[str, Row]:
                rows = session.scalars(select(table))
                return {row.id: row for row in rows if row.cluster_id in clusters}

            chart = Chart(
                revision,
                self._departments,
                clusters,
                by_id(DepartmentRow),
                by_id(Project),
                by_id(NodePool),
                by_id(DeletedProject),
                list_changes(session),
                Window.hour_of(datetime.now(UTC)).start,
            )
        chart.prepare()
        return chart
