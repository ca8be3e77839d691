"""Ledger: where every GPU-second went, and what it cost."""

import difflib
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Bare, Envelope, Series
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.ledger_row import COLUMNS, LedgerRow
from metrics_api.parameters import Stepped, check_step
from metrics_api.ranked import Ranked
from metrics_api.services import Caller
from queries.question import Asker, Question


def read_column(text: object) -> str:
    if text not in COLUMNS:
        near = difflib.get_close_matches(str(text), COLUMNS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"columns are: {', '.join(COLUMNS)}"
        raise ValueError(f"unknown column {text!r}; {hint}")
    return str(text)


ColumnName = Annotated[str, BeforeValidator(read_column), WithJsonSchema({"type": "string", "enum": list(COLUMNS)})]


class LedgerQuery(Ranked, Stepped):
    """The ledger, in steps or, without a step, as one total."""

    columns: tuple[ColumnName, ...] = Field(
        (), description="Which columns, in this order, beside the time and the dimensions. Without it: all."
    )

    @property
    def told(self) -> tuple[str, ...]:
        return COLUMNS


class LedgerRows(Envelope):
    """One object per step and group. Times are UTC; names that are not known are null."""

    data: list[LedgerRow]


async def read_ledger(
    caller: Caller, query: LedgerQuery
) -> Annotated[Response, Produces(LedgerRows | Series | Bare, tuple(MEDIA_TYPES))]:
    """GPU-seconds and GPU-hours per column (busy, idle, held, free, unattributed, unavailable, unknown: their sum is
    the capacity), what they cost, energy and carbon, quotas, and the ratios that follow; as rows, or as series."""
    check_step(query.step, caller.finest_step)
    question = Question(query.window(), query.steps(), query.by, query.where, query.ranking)
    return await answer(caller, query, query.shape or "rows", Asker.ledger, question, query.columns)
