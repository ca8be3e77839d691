"""Clusters in the control database: registered, changed and deleted by the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from queries.control.database import Control, ControlError, NameTakenError
from queries.control.rules import forget_scope
from queries.control.tables import Cluster
from queries.ids import cluster_id

TAKEN = "a cluster of this name was registered or found before; names are those of all tenants, choose another"


@dataclass(frozen=True)
class NewCluster:
    """collection: how it is collected, as the configuration file says it without the name, secrets by reference."""

    name: str
    tenant_id: int
    created_by: str
    domain: str | None = None
    version: str | None = None
    collection: dict[str, Any] | None = None


@dataclass(frozen=True)
class Entered:
    """What the control database says of a cluster that matters to who collects."""

    name: str
    collection: dict[str, Any] | None
    is_deleted: bool


def list_clusters(control: Control) -> Sequence[Cluster]:
    """Of all tenants, also those that are deleted: the oldest first."""
    with control.session() as session:
        return session.scalars(select(Cluster).order_by(Cluster.created_at, Cluster.name)).all()


def find_cluster(control: Control, identifier: str) -> Cluster | None:
    with control.session() as session:
        return session.get(Cluster, identifier)


def entered(control: Control) -> list[Entered]:
    """All clusters, the oldest first.

    Raises:
        ControlError: the database cannot be read.
    """
    columns = select(Cluster.name, Cluster.collection, Cluster.delete_requested_at)
    try:
        with control.session() as session:
            rows = session.execute(columns.order_by(Cluster.created_at, Cluster.name)).all()
    except SQLAlchemyError as error:
        raise ControlError(f"the control database cannot be read: {getattr(error, 'orig', None) or error}") from None
    return [Entered(name, collection, deleted is not None) for name, collection, deleted in rows]


def register_cluster(control: Control, new: NewCluster) -> Cluster:
    """Make a cluster. One that the same tenant has deleted is continued.

    Raises:
        NameTakenError: there is one of this name, or another tenant had one.
    """
    try:
        with control.session() as session:
            return continued(session, new) or added(session, new)
    except IntegrityError:
        raise NameTakenError(TAKEN) from None


def continued(session: Session, new: NewCluster) -> Cluster | None:
    known = session.get(Cluster, cluster_id(new.name), with_for_update=True)
    if known is None:
        return None
    if known.tenant_id != new.tenant_id or known.delete_requested_at is None:
        raise NameTakenError(TAKEN)
    known.domain, known.version, known.collection = new.domain, new.version, new.collection
    known.delete_requested_at, known.updated_at = None, datetime.now(UTC)
    return known


def added(session: Session, new: NewCluster) -> Cluster:
    now = datetime.now(UTC)
    cluster = Cluster(
        id=cluster_id(new.name),
        tenant_id=new.tenant_id,
        name=new.name,
        domain=new.domain,
        version=new.version,
        collection=new.collection,
        created_by=new.created_by,
        created_at=now,
        updated_at=now,
    )
    session.add(cluster)
    session.flush()
    return cluster


def update_cluster(control: Control, identifier: str, **changed: Any) -> None:
    """changed: columns and their values."""
    with control.session() as session:
        cluster = session.get_one(Cluster, identifier)
        for name, value in changed.items():
            setattr(cluster, name, value)
        cluster.updated_at = datetime.now(UTC)


def delete_cluster(control: Control, identifier: str) -> None:
    """It is collected no more, and no rule is about it. Its row stays: the lake has its past, and its name is taken."""
    with control.session() as session:
        cluster = session.get_one(Cluster, identifier)
        cluster.delete_requested_at = cluster.updated_at = datetime.now(UTC)
        forget_scope(session, "cluster", identifier)
