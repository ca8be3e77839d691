"""Ranked: parameters of questions whose groups can be compared."""

from typing import Self

from pydantic import Field, model_validator

from metrics_api.parameters import Parameters
from queries.ranking import Ranking

MOST_GROUPS = 10_000
"""The most groups that a limit keeps."""


class Ranked(Parameters):
    """In which order groups are told, and how many of them."""

    order_by: str | None = Field(
        None,
        description="What groups are ordered by: a metric or a column (its value over the whole window), a dimension"
        " of by, or time; with - in front, descending. What is not known comes last.",
    )
    limit: int | None = Field(
        None,
        ge=1,
        le=MOST_GROUPS,
        description="How many groups are told: the first in the order; without one, those with most of the first"
        " metric or column.",
    )
    others: bool = Field(False, description="With true, the groups beyond the limit are told as one, named other.")

    @property
    def told(self) -> tuple[str, ...]:
        """The metrics or columns that groups can be compared by."""
        raise NotImplementedError

    @model_validator(mode="after")
    def order_is_of_the_answer(self) -> Self:
        known = ("time", *dict.fromkeys(self.told), *self.by)
        if self.order_by is not None and self.order_by.removeprefix("-") not in known:
            raise ValueError(
                f"order_by = {self.order_by!r}: an answer is ordered by time, or by a metric, a column or a dimension"
                f" that it has; here: {', '.join(known)}; with - in front, descending"
            )
        return self

    @property
    def ranking(self) -> Ranking:
        return Ranking.parse(self.order_by, self.limit, self.others)
