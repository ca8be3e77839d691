"""Places: where the things lie that rules are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from queries.control.rules import SYSTEM_SCOPE, Place
from queries.control.tables import Cluster, Project, Tenant
from queries.control.tables import Department as DepartmentRow
from queries.departments import Department, department_of
from queries.ids import department_id


@dataclass(frozen=True)
class NamedPlace:
    name: str
    place: Place


def find_place(
    session: Session, tenant_id: int, scope_type: str, scope_id: str, departments: Sequence[Department]
) -> NamedPlace | None:
    """Where a scope lies and what it is called, if the tenant has it."""
    if scope_type == "system":
        return NamedPlace(SYSTEM_SCOPE, Place(tenant_id)) if scope_id == SYSTEM_SCOPE else None
    if scope_type == "tenant":
        tenant = session.get(Tenant, tenant_id) if scope_id == str(tenant_id) else None
        return NamedPlace(tenant.name, Place(tenant_id)) if tenant else None
    found = {"cluster": cluster_at, "department": department_at, "project": project_at}[scope_type](
        session, scope_id, departments
    )
    return found if found and found.place.tenant == tenant_id else None


def cluster_at(session: Session, scope_id: str, _: Sequence[Department]) -> NamedPlace | None:
    cluster = session.get(Cluster, scope_id)
    return NamedPlace(cluster.name, Place(cluster.tenant_id, cluster.id)) if cluster else None


def department_at(session: Session, scope_id: str, _: Sequence[Department]) -> NamedPlace | None:
    department = session.get(DepartmentRow, scope_id)
    if department is None:
        return None
    cluster = session.get_one(Cluster, department.cluster_id)
    return NamedPlace(department.name, Place(cluster.tenant_id, cluster.id, department.id))


def project_at(session: Session, scope_id: str, departments: Sequence[Department]) -> NamedPlace | None:
    project = session.get(Project, scope_id)
    if project is None:
        return None
    cluster = session.get_one(Cluster, project.cluster_id)
    return NamedPlace(project.name, place_of_project(project, cluster, departments))


def place_of_project(project: Project, cluster: Cluster, departments: Sequence[Department]) -> Place:
    """A project lies in the department that the API says, else in the one of today's organisation."""
    parent = project.department_id
    if parent is None:
        name = department_of(project.name, departments, datetime.now(UTC))
        parent = department_id(cluster.name, name) if name else None
    return Place(cluster.tenant_id, cluster.id, parent, project.id)
