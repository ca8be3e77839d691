"""The organisation: what is found in the settings and in the lake gets rows, and rules become what may be seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from queries.control.database import Control
from queries.control.revision import touch
from queries.control.rules import Grant
from queries.control.tables import (
    DEFAULT_TENANT,
    SYSTEM,
    Cluster,
    DeletedProject,
    NodePool,
    Project,
    Table,
    Tenant,
)
from queries.control.tables import Department as DepartmentRow
from queries.departments import Department, department_of
from queries.ids import cluster_id, department_id, node_pool_id, project_id
from queries.scope import EVERYTHING, Scope

NOTHING = Scope(frozenset())

MOST_AT_ONCE = 500
"""How many rows a statement adds: databases limit its parameters."""


@dataclass(frozen=True)
class Found:
    """Names that appear in the lake: pairs with the name of their cluster."""

    clusters: frozenset[str] = frozenset()
    node_pools: frozenset[tuple[str, str]] = frozenset()
    projects: frozenset[tuple[str, str]] = frozenset()
    seen: Mapping[tuple[str, str], tuple[datetime, datetime]] = field(default_factory=lambda: MappingProxyType({}))
    """The first and the last hour that shows a project, where it was found in the lake."""

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]]) -> "Found":
        """Names with a NUL are left out, which databases cannot keep."""
        told = [{key: value for key, value in row.items() if value and "\0" not in str(value)} for row in rows]
        named = [row for row in told if "cluster" in row]
        seen: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        for row in named:
            if "project" in row and "last_seen" in row:
                first, last = seen.get((row["cluster"], row["project"]), (row["first_seen"], row["last_seen"]))
                seen[row["cluster"], row["project"]] = min(first, row["first_seen"]), max(last, row["last_seen"])
        return cls(
            frozenset(row["cluster"] for row in named),
            frozenset((row["cluster"], row["node_pool"]) for row in named if "node_pool" in row),
            frozenset((row["cluster"], row["project"]) for row in named if "project" in row),
            seen,
        )


def register(control: Control, found: Found, departments: Sequence[Department]) -> None:
    """Give rows to what is found and has none. Clusters that no tenant has are the default tenant's; every cluster has
    all departments of the settings. Projects are as old as what is seen of them; what was deleted is there again
    where it was seen in an hour that began later."""
    now = datetime.now(UTC)
    clusters = sorted(found.clusters | {cluster for cluster, _ in found.node_pools | found.projects})
    names = list(dict.fromkeys(each.name for each in departments))
    unit: dict[str, Any] = {"description": "", "settings": {}, **stamps(now)}
    with control.session() as session:
        before = count_units(session)
        add_missing(session, Cluster, [cluster_row(name, now) for name in clusters])
        add_missing(
            session,
            DepartmentRow,
            [
                {"id": department_id(cluster, name), "cluster_id": cluster_id(cluster), "name": name, **unit}
                for cluster in clusters
                for name in names
            ],
        )
        add_missing(
            session,
            NodePool,
            [
                {
                    "id": node_pool_id(cluster, name),
                    "cluster_id": cluster_id(cluster),
                    "name": name,
                    "is_default": name == "default",
                    "settings": {},
                    **stamps(now),
                }
                for cluster, name in sorted(found.node_pools)
            ],
        )
        gone = still_gone(session, found)
        add_missing(
            session,
            Project,
            [
                {"id": project_id(cluster, name), "cluster_id": cluster_id(cluster), "name": name}
                | unit
                | ({"created_at": found.seen[cluster, name][0]} if (cluster, name) in found.seen else {})
                for cluster, name in sorted(found.projects)
                if project_id(cluster, name) not in gone
            ],
        )
        if grow_older(session, found) or count_units(session) != before:
            touch(session)


def grow_older(session: Session, found: Found) -> bool:
    """Projects that were found are as old as what the lake shows of them: what is collected later may be older.

    Returns:
        Whether any are older than was known.
    """
    first = {project_id(*key): times[0] for key, times in found.seen.items()}
    known = session.execute(select(Project.id, Project.created_at).where(Project.created_by == SYSTEM))
    older = [{"id": each, "created_at": first[each]} for each, made in known if each in first and first[each] < made]
    if older:
        session.execute(update(Project), older)
    return bool(older)


def count_units(session: Session) -> tuple[int, ...]:
    """How many there are of what is found."""
    return tuple(session.scalar(select(func.count(table.id))) or 0 for table in (DepartmentRow, NodePool, Project))


def still_gone(session: Session, found: Found) -> set[str]:
    """The ids of the projects that were deleted, and were not seen since; what was is not deleted any more."""
    gone: set[str] = set()
    names = {project_id(*key): key for key in found.projects}
    for row in session.scalars(select(DeletedProject)):
        key = names.get(row.id)
        if key and key in found.seen and found.seen[key][1] <= row.deleted_at:
            gone.add(row.id)
        elif key:
            session.delete(row)
    session.flush()
    return gone


def cluster_row(name: str, now: datetime) -> dict[str, Any]:
    made = {"created_by": SYSTEM, "created_at": now, "updated_at": now}
    return {"id": cluster_id(name), "tenant_id": DEFAULT_TENANT, "name": name, "collection": None, **made}


def stamps(now: datetime) -> dict[str, Any]:
    return {"created_by": SYSTEM, "created_at": now, "updated_by": SYSTEM, "updated_at": now}


def add_missing(session: Session, table: type[Table], rows: Sequence[dict[str, Any]]) -> None:
    """Add rows whose ids are not there; several processes may do so at once."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for first in range(0, len(rows), MOST_AT_ONCE):
        session.execute(insert(table).on_conflict_do_nothing(), rows[first : first + MOST_AT_ONCE])


def scope_of(session: Session, tenant_id: int, grants: Iterable[Grant], departments: Sequence[Department]) -> Scope:
    """What of the ledger may be seen by rules of a tenant. Projects belong to the department that they belong to
    today, also in the past: who leaves a department takes its history along."""
    allowed: set[tuple[str | None, str | None]] = set()
    for grant in grants:
        if grant.scope_type == "system":
            return EVERYTHING
        if grant.scope_type == "tenant":
            if grant.scope_id != str(tenant_id):
                continue
            if owns_everything(session, tenant_id):
                return EVERYTHING
            names = session.scalars(select(Cluster.name).where(Cluster.tenant_id == tenant_id))
            allowed |= {(name, None) for name in names}
        elif grant.scope_type == "cluster":
            cluster = session.get(Cluster, grant.scope_id)
            if cluster and cluster.tenant_id == tenant_id:
                allowed.add((cluster.name, None))
        else:
            allowed |= projects_of(session, tenant_id, grant, departments)
    return Scope(frozenset(allowed)) if allowed else NOTHING


def owns_everything(session: Session, tenant_id: int) -> bool:
    """Whether all that there is belongs to a tenant."""
    others = select(Cluster.id).where(Cluster.tenant_id != tenant_id).limit(1)
    return tenant_id == DEFAULT_TENANT and session.scalar(others) is None


def projects_of(
    session: Session, tenant_id: int, grant: Grant, departments: Sequence[Department]
) -> set[tuple[str | None, str | None]]:
    """The projects of a project's or a department's scope, with their clusters."""
    chosen = select(Cluster.name, Project.name).join(Project).where(Cluster.tenant_id == tenant_id)
    if grant.scope_type == "project":
        return {(cluster, name) for cluster, name in session.execute(chosen.where(Project.id == grant.scope_id))}
    department = session.get(DepartmentRow, grant.scope_id)
    if department is None:
        return set()
    now = datetime.now(UTC)
    by_api = chosen.where(Project.department_id == department.id)
    by_name = chosen.where(Project.department_id.is_(None), Cluster.id == department.cluster_id)
    return {(cluster, name) for cluster, name in session.execute(by_api)} | {
        (cluster, name)
        for cluster, name in session.execute(by_name)
        if department_of(name, departments, now) == department.name
    }


def create_tenant(control: Control, name: str) -> Tenant:
    with control.session() as session:
        tenant = Tenant(name=name, created_at=datetime.now(UTC))
        session.add(tenant)
        session.flush()
        return tenant


def find_tenant(control: Control, name: str) -> Tenant | None:
    with control.session() as session:
        return session.scalar(select(Tenant).where(Tenant.name == name))
