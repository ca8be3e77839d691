"""Names: which clusters, projects, nodes and others there are in a time."""

import pyarrow as pa

from queries.catalogue import DIMENSIONS
from queries.plan import Part
from queries.question import Asker, Question

MOST = 5_000
"""The most names that are listed."""


def names(asker: Asker, question: Question) -> pa.Table:
    """The names that the dimension which is asked for has: a column, in order, without the unknown. Only the hours that
    begin in the window are read, and no samples."""
    (dimension,) = question.by
    return asker.engine.ask(
        "dimension_names",
        asker.scope,
        asker.snapshot,
        [Part("hour", question.window)],
        question.parameters() | {"limit": MOST},
        joins=question.joins,
        dimension=DIMENSIONS[dimension],
        conditions=question.texts()["conditions"],
    )
