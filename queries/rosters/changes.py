"""Changes: how the state of one workload changed, of its latest life."""

from dataclasses import asdict, dataclass
from datetime import datetime

import pyarrow as pa

from queries.question import Asker
from queries.window import HOUR, Window


@dataclass(frozen=True)
class Lived:
    """A workload, and since when its latest life is told of."""

    cluster: str
    workload_kind: str
    workload: str
    namespace: str
    since: datetime


def changes_of(asker: Asker, lived: Lived, order: str, offset: int, limit: int) -> pa.Table:
    """Rows of ``questions/workload_changes.sql``. order: asc or desc."""
    window = Window(Window.hour_of(lived.since).start, max(asker.now, lived.since) + HOUR)
    return asker.engine.ask_changes(
        "workload_changes",
        asker.scope.within([lived.cluster]),
        window,
        asdict(lived) | {"offset": offset, "limit": limit},
        order={"asc": "asc", "desc": "desc"}[order],
    )
