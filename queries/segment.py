"""Segment: a stretch of the ledger in memory."""

from dataclasses import dataclass

from queries.plan import Part


@dataclass(frozen=True, eq=False)
class Segment:
    """The rows of all clusters in a stretch of time of a layer.

    files: what it was made of, and stands for. name: of its database, which has ``rows`` as they are stored and, of
    hours, ``groups`` of them. bytes: what it takes. seconds: how long it took to make.
    """

    part: Part
    files: tuple[str, ...]
    name: str
    bytes: int
    seconds: float
