"""Projects: how they are made, changed and deleted by the API."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from queries.control.database import Control, NameTakenError
from queries.control.quotas import Amounts, set_quotas
from queries.control.revision import touch
from queries.control.rules import forget_scope
from queries.control.tables import Cluster, DeletedProject, Project
from queries.ids import project_id


def create_project(
    control: Control,
    cluster: Cluster,
    name: str,
    *,
    department: str | None,
    description: str,
    settings: dict[str, Any],
    amounts: Amounts,
    created_by: str,
) -> Project:
    """department: the id of the one that it is put in; without it, the configuration file says.

    Raises:
        NameTakenError: the cluster has a project of this name.
    """
    now = datetime.now(UTC)
    project = Project(
        id=project_id(cluster.name, name),
        cluster_id=cluster.id,
        department_id=department,
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
            session.add(project)
            session.flush()
            session.execute(delete(DeletedProject).where(DeletedProject.id == project.id))
            set_quotas(session, project.id, amounts, now)
            touch(session)
    except IntegrityError:
        raise NameTakenError(f"cluster {cluster.name!r} has a project {name!r} already; choose another name") from None
    return project


def delete_project(control: Control, identifier: str) -> None:
    """Delete a project with the access rules about it. What it used stays in the lake, and what it was allowed until
    now stays known."""
    now = datetime.now(UTC)
    with control.session() as session:
        project = session.get_one(Project, identifier)
        forget_scope(session, "project", identifier)
        set_quotas(session, identifier, {}, now)
        session.merge(DeletedProject(id=identifier, cluster_id=project.cluster_id, name=project.name, deleted_at=now))
        session.delete(project)
        touch(session)


def stamp(session: Session, row: Any, by: str) -> datetime:
    """Note who changed a project or a department, and when; the time is told."""
    row.updated_by, row.updated_at = by, datetime.now(UTC)
    touch(session)
    changed: datetime = row.updated_at
    return changed
