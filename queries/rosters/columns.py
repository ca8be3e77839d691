"""Columns: what lists of workloads and pods can be filtered, searched and sorted by, as SQL over what describes
them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from queries.filter import Filter, Kind

COMPARISONS: dict[str, str] = {
    "==": "{field} = {value}",
    "!=": "{field} is distinct from {value}",
    "<=": "{field} <= {value}",
    ">=": "{field} >= {value}",
    "=@": "contains(coalesce({field}, ''), {value})",
    "!@": "not contains(coalesce({field}, ''), {value})",
    "=^": "starts_with(coalesce({field}, ''), {value})",
    "=$": "ends_with(coalesce({field}, ''), {value})",
}
"""As ``filter.COMPARISONS`` has them."""

NEGATED = {"!=": "==", "!@": "=@"}


@dataclass(frozen=True)
class Listing:
    """What is asked of a list: all of its filters hold, and the text is in a column that is searched."""

    filters: tuple[Filter, ...] = ()
    search: str | None = None
    sort_by: str | None = None
    order: str = "asc"


@dataclass(frozen=True)
class Column:
    """name: as Run:ai calls it. sql: its values. is_many: whether a workload has several of them: of what it
    holds, each has one."""

    name: str
    sql: str
    kind: Kind = str
    is_searched: bool = False
    is_many: bool = False

    def condition(self, operator: str, parameter: str) -> str:
        if not self.is_many:
            return COMPARISONS[operator].format(field=self.sql, value=parameter)
        holds = COMPARISONS[NEGATED.get(operator, operator)].format(field=self.sql, value=parameter)
        within = "not in" if operator in NEGATED else "in"
        return f"id {within} (select workload_id from held_rows where {holds} and {self.sql} is not null)"

    def order(self, direction: str) -> str:
        sql = f"lower({self.sql})" if self.kind is str else self.sql
        return f"{sql} {'desc' if direction == 'desc' else 'asc'} nulls last"


WORKLOAD_COLUMNS: tuple[Column, ...] = (
    Column("type", "type", is_searched=True),
    Column("name", "name", is_searched=True),
    Column("id", "id"),
    Column("namespace", "namespace", is_searched=True),
    Column("clusterId", "cluster_id"),
    Column("projectId", "project_id"),
    Column("projectName", "project", is_searched=True),
    Column("departmentId", "department_id"),
    Column("departmentName", "department", is_searched=True),
    Column("createdAt", "created_at", datetime),
    Column("deletedAt", "deleted_at", datetime),
    Column("submittedBy", '"user"', is_searched=True),
    Column("phase", "phase"),
    Column("completedAt", "completed_at", datetime),
    Column("nodepool", "node_pool", is_many=True),
    Column("distributedFramework", "distributed_framework"),
    Column("allocatedGPU", "allocated_gpus", float),
    Column("idleGpus", "idle_gpus", float),
    Column("idleAllocatedGpus", "idle_gpus", float),
    Column("phaseUpdatedAt", "changed_at", datetime),
    Column("category", "category"),
    Column("priority", "priority", float),
    Column("totalPendingTimeSeconds", "pending_seconds", float),
    Column("totalRunningTimeSeconds", "running_seconds", float),
    Column("priorityClassName", "unknown_text"),
    Column("guaranteedRuntimeEndsAt", "unknown_time", datetime),
    Column("aiApplicationId", "unknown_text"),
    Column("aiApplicationName", "unknown_text"),
)

POD_COLUMNS: tuple[Column, ...] = (
    Column("name", "name", is_searched=True),
    Column("id", "id"),
    Column("clusterId", "cluster_id"),
    Column("workloadId", "workload_id"),
    Column("workloadName", "workload", is_searched=True),
    Column("projectId", "project_id"),
    Column("projectName", "project", is_searched=True),
    Column("nodeName", "node", is_searched=True),
    Column("currentNodepool", "current_node_pool", is_searched=True),
    Column("createdAt", "created_at", datetime),
    Column("completedAt", "completed_at", datetime),
    Column("deletedAt", "unknown_time", datetime),
    Column("revisionId", "unknown_text"),
)


def conditions(listing: Listing, columns: Sequence[Column]) -> list[str]:
    """The SQL of what holds of the rows, with the names that ``parameters`` have; no text of a user becomes SQL."""
    by_name = {each.name: each for each in columns}
    found = [by_name[each.field].condition(each.operator, f"$where_{place}") for place, each in numbered(listing)]
    if listing.search:
        searched = [f"contains(lower({each.sql}), lower($search))" for each in columns if each.is_searched]
        found.append(f"({' or '.join(f'coalesce({each}, false)' for each in searched)})")
    return found


def parameters(listing: Listing) -> dict[str, Any]:
    values = {f"where_{place}": each.value for place, each in numbered(listing)}
    return values | ({"search": listing.search} if listing.search else {})


def numbered(listing: Listing) -> Iterable[tuple[int, Filter]]:
    return enumerate(listing.filters)


def order(listing: Listing, columns: Sequence[Column]) -> str:
    """The SQL of the order; of what is alike, what is older comes first."""
    chosen = [each.order(listing.order) for each in columns if each.name == listing.sort_by]
    return ", ".join([*chosen, "created_at", "number"])
