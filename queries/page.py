"""Page: so many of the rows that were found, as an answer that says when there are others."""

from dataclasses import replace

import pyarrow as pa

from queries.plan import plan
from queries.question import Answer, Asker, Question

FOUND = "found"
"""The column in which a question says how many rows there were before its limit."""


def page(asker: Asker, question: Question, rows: pa.Table, counted: pa.ChunkedArray) -> Answer:
    """The rows of a question about one total, without their count. counted: how many there were, in each row."""
    answer = asker.complete(
        question, plan(question.window, None, asker.snapshot.samples_since()), rows.drop_columns(FOUND)
    )
    found = counted[0].as_py() if len(counted) else 0
    if found <= len(rows):
        return answer
    return replace(answer, warnings=(*answer.warnings, f"{len(rows)} of {found} rows are shown: see limit"))
