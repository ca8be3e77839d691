"""Ledger: where every GPU-second went."""

from typing import Annotated

from starlette.responses import Response

from metrics_api.answers import MEDIA_TYPES, Rows, Series
from metrics_api.asking import answer
from metrics_api.endpoint import Produces
from metrics_api.parameters import Stepped, check_step
from metrics_api.services import Caller
from queries.question import Asker, Question


class LedgerQuery(Stepped):
    """The ledger, in steps or, without a step, as one total."""


async def read_ledger(
    caller: Caller, query: LedgerQuery
) -> Annotated[Response, Produces(Rows | Series, tuple(MEDIA_TYPES))]:
    """GPU-seconds per column (busy, idle, held, free, unattributed, unavailable, unknown: their sum is the capacity),
    energy, and the ratios that follow from them; as rows, or as series."""
    check_step(query.step, caller.finest_step)
    question = Question(query.window(), query.step, query.by, query.where)
    return await answer(caller, query, query.shape or "rows", Asker.ledger, question)
