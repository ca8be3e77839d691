"""Revision: whether the organisation has changed, told at little cost."""

from collections.abc import Hashable

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from queries.control.tables import Cluster, Revision


def touch(session: Session) -> None:
    """To be called with every change of a department, a project or a quota."""
    session.execute(update(Revision).values(number=Revision.number + 1))


def read_revision(session: Session) -> Hashable:
    """What is another after every change of the organisation; clusters are looked at themselves."""
    clusters = (select(each).scalar_subquery() for each in (func.count(Cluster.id), func.max(Cluster.updated_at)))
    return tuple(session.execute(select(Revision.number, *clusters)).one())
