"""Ledger: where every GPU-second went, and what it cost."""

from typing import Annotated

from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Envelope, Series
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.ledger_row import LedgerRow
from metrics_api.parameters import Stepped, check_step
from metrics_api.services import Caller
from queries.question import Asker, Question


class LedgerQuery(Stepped):
    """The ledger, in steps or, without a step, as one total."""


class LedgerRows(Envelope):
    """One object per step and group. Times are UTC; names that are not known are null."""

    data: list[LedgerRow]


async def read_ledger(
    caller: Caller, query: LedgerQuery
) -> Annotated[Response, Produces(LedgerRows | Series, tuple(MEDIA_TYPES))]:
    """GPU-seconds and GPU-hours per column (busy, idle, held, free, unattributed, unavailable, unknown: their sum is
    the capacity), what they cost, energy and carbon, quotas, and the ratios that follow; as rows, or as series."""
    check_step(query.step, caller.finest_step)
    question = Question(query.window(), query.steps(), query.by, query.where)
    return await answer(caller, query, query.shape or "rows", Asker.ledger, question)
