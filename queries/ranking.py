"""Ranking: in which order the groups of an answer are told, and how many of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from queries.catalogue import Dimension

OTHER = "other"
"""What the groups are called, together, that have no place of their own."""


@dataclass(frozen=True)
class Ranking:
    """by: a metric, whose value over the whole window counts, a dimension, or the time; None: the order in which
    answers come. limit: how many groups have a place. with_others: whether the rest is told as one group."""

    by: str | None = None
    is_descending: bool = False
    limit: int | None = None
    with_others: bool = False

    @property
    def is_by_group(self) -> bool:
        """Whether groups must be compared before they are told."""
        return self.limit is not None or self.by not in (None, "time")

    @classmethod
    def parse(cls, text: str | None, limit: int | None, with_others: bool) -> "Ranking":
        """Read ``name`` or ``-name``."""
        name = text.removeprefix("-") if text else None
        return cls(name, bool(text) and text != name, limit, with_others)

    def places(self, totals: pa.Table, by: Sequence[str], first: str) -> pa.Table:
        """The places of the first groups, from 1, by their values over the whole window; what is not known comes last.
        first: what counts where nothing is named; the most comes first."""
        keys = [(self.by, self._direction)] if self.by not in (None, "time") else [(first, "descending")]
        rest = [(name, "ascending") for name in by if name != self.by]
        order = pc.sort_indices(totals, sort_keys=keys + rest)
        groups = totals.take(order[: self.limit]).select(list(by))
        names = [place_column(name) for name in by]
        return groups.rename_columns(names).append_column("place", pa.array(range(1, len(groups) + 1), pa.int64()))

    @property
    def _direction(self) -> str:
        return "descending" if self.is_descending else "ascending"


AS_THEY_COME = Ranking()


def place_column(name: str) -> str:
    """The column of a dimension in the table of places; null for groups that have none."""
    return f"top_{name}"


def placed(by: Sequence[Dimension]) -> list[Dimension]:
    """The same dimensions, where groups have places."""
    return [Dimension(each.name, place_column(each.name)) for each in by]


def without_places(rows: pa.Table, by: Sequence[str], places: pa.Table | None) -> pa.Table:
    """The rows of groups, of which those that have no place are named; none are where groups were not compared."""
    return rows.drop_columns("place") if places is None else name_others(rows, by)


def name_others(rows: pa.Table, by: Sequence[str]) -> pa.Table:
    """Rows without their places; those that have none get a name that no group has."""
    rest = pc.is_null(rows["place"])
    for name in by:
        taken = set(rows.filter(pc.invert(rest))[name].unique().to_pylist())
        other = OTHER
        while other in taken:
            other = f"({other})"
        column = rows.column_names.index(name)
        rows = rows.set_column(column, name, pc.if_else(rest, other, rows[name]))
    return rows.drop_columns("place")
