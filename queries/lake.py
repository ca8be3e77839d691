"""Lake: the datasets that are kept, each a Delta table in a folder. Hours are replaced, never appended."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from queries.datasets import COLLECTIONS, LEDGER, WORKLOADS
from queries.lake_error import LakeError
from queries.snapshot import Snapshot
from queries.table import Review, Table
from queries.window import Window

__all__ = ["Lake", "LakeError"]


class Lake:
    """The tables of a folder. Safe to use from several threads and processes."""

    def __init__(self, path: str) -> None:
        if "://" in path:
            raise LakeError(
                f"store.path = {path!r}: only local folders can hold the lake so far; write a path, as in ./data"
            )
        self.folder = str(Path(path).absolute())
        self.ledger, self.collections, self.workloads = (
            Table(f"{self.folder}/{dataset.name}", dataset) for dataset in (LEDGER, COLLECTIONS, WORKLOADS)
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.ledger, self.collections, self.workloads

    def create(self) -> list[str]:
        """Make the tables that are not there.

        Returns:
            Their names.
        Raises:
            LakeError: the folder cannot be written.
        """
        return [table.dataset.name for table in self.tables if table.create()]

    def known(self) -> Snapshot | None:
        """The newest version of the ledger, where that is the last one that was read."""
        return self.ledger.known()

    def snapshot(self) -> Snapshot:
        """The newest version of the ledger. Asking costs about a millisecond where nothing has changed."""
        return self.ledger.snapshot()

    def replace(self, window: Window, rows: pa.Table, review: Review | None = None) -> list[Window]:
        """Make ``rows`` all that the ledger says of their cluster and these hours, their samples and sums in one
        commit. An hour of which the lake holds the same or a later revision is left as it is; of the others, a review
        may keep what is known.

        Returns:
            The hours that were written.
        Raises:
            LakeError: the lake cannot be written.
        """
        return self.ledger.replace(rows["cluster"][0].as_py(), window, rows, rows["revision"][0].as_py(), review)

    def replace_workloads(self, cluster: str, window: Window, rows: pa.Table, as_of: datetime) -> None:
        """Make ``rows`` all the changes of workloads' states that were collected with these hours of a cluster. An hour
        of which there are none now, and were before, is left as it is: Prometheus has forgotten it. Nothing is written
        where the same are there already.

        Raises:
            LakeError: the lake cannot be written.
        """
        before = self.workloads.rows(cluster, window)
        told = pc.is_in(before["window_start"], rows["window_start"].unique())
        kept = before.filter(pc.invert(told))
        if not rows_alike(rows, before.filter(told)):
            revision = int(as_of.timestamp())
            self.workloads.replace(cluster, window, pa.concat_tables([rows, kept]), revision)


def rows_alike(some: pa.Table, others: pa.Table) -> bool:
    """Whether two readings say the same, whenever they were made."""
    some, others = some.drop_columns("revision"), others.drop_columns("revision")
    order = [(name, "ascending") for name in ("window_start", "time", "namespace", "workload", "state")]
    return bool(some.num_rows == others.num_rows and some.sort_by(order).equals(others.sort_by(order)))
