"""Node pools in the control database: those that the lake shows, and those made by the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from queries.control.database import Control, NameTakenError
from queries.control.tables import SYSTEM, Cluster, NodePool
from queries.ids import node_pool_id


@dataclass(frozen=True)
class PlacedPool:
    """A node pool, and the cluster that it is in."""

    pool: NodePool
    cluster: Cluster

    @property
    def is_found(self) -> bool:
        """Whether the lake showed it, and nobody made it."""
        return self.pool.created_by == SYSTEM


def list_node_pools(control: Control) -> list[PlacedPool]:
    """Of all tenants, in the order of their clusters' and their own names; not of clusters that are deleted."""
    chosen = select(NodePool, Cluster).join(Cluster).where(Cluster.delete_requested_at.is_(None))
    with control.session() as session:
        rows = session.execute(chosen.order_by(Cluster.name, NodePool.name)).all()
    return [PlacedPool(pool, cluster) for pool, cluster in rows]


def find_node_pool(control: Control, identifier: str) -> PlacedPool | None:
    with control.session() as session:
        pool = session.get(NodePool, identifier)
        cluster = pool and session.get_one(Cluster, pool.cluster_id)
    return PlacedPool(pool, cluster) if pool and cluster and not cluster.delete_requested_at else None


def create_node_pool(
    control: Control, cluster: Cluster, name: str, label: tuple[str, str], settings: Mapping[str, Any], by: str
) -> PlacedPool:
    """label: the key and the value that its nodes have.

    Raises:
        NameTakenError: the cluster has one of this name, or of one that clients cannot tell from it.
    """
    now = datetime.now(UTC)
    pool = NodePool(
        id=node_pool_id(cluster.name, name),
        cluster_id=cluster.id,
        name=name,
        label_key=label[0],
        label_value=label[1],
        is_default=False,
        settings=dict(settings),
        created_by=by,
        created_at=now,
        updated_by=by,
        updated_at=now,
    )
    try:
        with control.session() as session:
            check_name(session, cluster, name)
            session.add(pool)
    except IntegrityError:
        raise taken(name) from None
    return PlacedPool(pool, cluster)


def update_node_pool(
    control: Control, identifier: str, label: Mapping[str, str], settings: Mapping[str, Any], by: str
) -> PlacedPool:
    """label: ``label_key`` or ``label_value`` or both, where they change. settings: all that there are now."""
    with control.session() as session:
        pool = session.get_one(NodePool, identifier)
        for column, value in label.items():
            setattr(pool, column, value)
        pool.settings, pool.updated_by, pool.updated_at = dict(settings), by, datetime.now(UTC)
        return PlacedPool(pool, session.get_one(Cluster, pool.cluster_id))


def delete_node_pool(control: Control, identifier: str) -> None:
    """With the quotas of it."""
    with control.session() as session:
        session.execute(delete(NodePool).where(NodePool.id == identifier))


def check_name(session: Session, cluster: Cluster, name: str) -> None:
    names: Sequence[str] = session.scalars(select(NodePool.name).where(NodePool.cluster_id == cluster.id)).all()
    if alike(name) in map(alike, names):
        raise taken(name)


def alike(name: str) -> str:
    """Names that are the same to clients of Run:ai's API, which write a dash for an underscore."""
    return name.replace("_", "-")


def taken(name: str) -> NameTakenError:
    return NameTakenError(f"the cluster has a node pool {name!r} already (_ and - are the same in its name)")
