"""Numbers: the ids of Run:ai's old control plane are integers. Ours follow from names, and so do the numbers: the same
in every process, and for ever."""

from sqlalchemy import select

from metrics_api.errors import ApiError
from metrics_api.services import Caller
from queries.control.tables import Department, NodePool, Project

DIGITS = 13
"""The hex digits of an id that its number has: 52 bits, which JavaScript's numbers keep. Of 5,000 projects of a cluster
two have the same with a chance of 1 in 300 million."""


def number_of(identifier: str) -> int:
    return int(identifier.replace("-", "")[:DIGITS], 16)


def id_of(caller: Caller, table: type[Project] | type[Department] | type[NodePool], cluster_id: str, asked: str) -> str:
    """What an id in a path stands for, be it a number or one of ours.

    Raises:
        ApiError: 400, where two things of the cluster have the number.
    """
    if not (asked.isascii() and asked.isdigit() and len(asked) < 17):
        return asked
    with caller.services.control.session() as session:
        ids = session.scalars(select(table.id).where(table.cluster_id == cluster_id.lower())).all()
    found = [each for each in ids if number_of(each) == int(asked)]
    if len(found) > 1:
        raise ApiError(400, f"id = {asked}: two have this number; ask by their ids: {', '.join(sorted(found))}")
    return found[0] if found else asked
