"""Departments: how they are made and deleted by the API."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from queries.control.database import Control, NameTakenError
from queries.control.quotas import Amounts, forget_quotas, set_quotas
from queries.control.revision import touch
from queries.control.rules import forget_scope
from queries.control.tables import Cluster, Department, Project
from queries.ids import department_id


class InUseError(Exception):
    """There are projects in it; the message says how many."""


def create_department(
    control: Control,
    cluster: Cluster,
    name: str,
    *,
    description: str,
    settings: dict[str, Any],
    amounts: Amounts,
    created_by: str,
) -> Department:
    """Raises:
    NameTakenError: the cluster has a department of this name.
    """
    now = datetime.now(UTC)
    department = Department(
        id=department_id(cluster.name, name),
        cluster_id=cluster.id,
        name=name,
        description=description,
        settings=settings,
        created_by=created_by,
        created_at=now,
        updated_by=created_by,
        updated_at=now,
    )
    try:
        with control.session() as session:
            session.add(department)
            session.flush()
            set_quotas(session, department.id, amounts, now)
            touch(session)
    except IntegrityError:
        raise NameTakenError(
            f"cluster {cluster.name!r} has a department {name!r} already; choose another name"
        ) from None
    return department


def delete_department(control: Control, identifier: str) -> None:
    """Delete a department that has no projects, with the access rules about it, and its quotas.

    Raises:
        InUseError: it has projects.
    """
    with control.session() as session:
        department = session.get_one(Department, identifier)
        projects = session.scalar(select(func.count(Project.id)).where(Project.department_id == identifier))
        if projects:
            raise InUseError(f"department {department.name!r} has {projects} projects; move or delete them first")
        forget_scope(session, "department", identifier)
        forget_quotas(session, identifier)
        session.delete(department)
        touch(session)
