"""Lists: how the rosters of workloads and pods are asked."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from pydantic import Field

from metrics_api.asking import asker_of
from metrics_api.listing import Column, CountQuery, ListQuery
from metrics_api.services import Caller
from queries.rosters import columns
from queries.rosters.columns import POD_COLUMNS, WORKLOAD_COLUMNS, Listing
from queries.stop import Stop

Row = dict[str, Any]

DELETED = "Only what was deleted, where true; else only what was not."


def named(listed: Sequence[columns.Column]) -> tuple[Column, ...]:
    """The names and kinds of columns that are read in SQL."""
    return tuple(Column(each.name, lambda row: row, each.kind, each.is_searched) for each in listed)


class WorkloadCountQuery(CountQuery):
    columns: ClassVar = named(WORKLOAD_COLUMNS)

    deleted: bool = Field(False, description=DELETED)


class WorkloadsQuery(ListQuery, WorkloadCountQuery):
    """Which workloads, in which order."""


class PodCountQuery(CountQuery):
    columns: ClassVar = named(POD_COLUMNS)

    deleted: bool = Field(False, description=DELETED)


class PodsQuery(ListQuery, PodCountQuery):
    """Which pods, in which order."""


def listing_of(query: CountQuery) -> Listing:
    if isinstance(query, ListQuery):
        return Listing(query.filterBy, query.search, query.sortBy, query.sortOrder)
    return Listing(query.filterBy, query.search)


async def ask(
    caller: Caller,
    of: str,
    listing: Listing,
    further: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> list[Row]:
    """Rows of a list, or how many there are where there is no limit. further: the SQL of what holds beside what is
    asked for, with values for its ``$names``."""
    services, asker = caller.services, await asker_of(caller)
    listed = {"workloads": WORKLOAD_COLUMNS, "pods": POD_COLUMNS}[of]
    found = partial(
        services.register.ask,
        question="listed" if limit else "listed_count",
        parameters=columns.parameters(listing) | dict(values or {}) | {"offset": offset, "limit": limit},
        of=of,
        conditions=[*columns.conditions(listing, listed), *further],
        order=columns.order(listing, listed),
    )

    def work(stop: Stop) -> list[Row]:
        rows: list[Row] = found(asker.within(stop, services.settings.limits.rows)).to_pylist()
        return rows

    return await services.pool.answer(caller.who, work, is_short=True)


async def ask_page(
    caller: Caller, of: str, query: ListQuery, further: Sequence[str] = (), values: Mapping[str, Any] | None = None
) -> tuple[list[Row], int | None]:
    """The rows of a page, and where the next one begins, if there is one."""
    rows = await ask(caller, of, listing_of(query), further, values, query.offset, query.limit + 1)
    return rows[: query.limit], query.offset + query.limit if len(rows) > query.limit else None


async def count(caller: Caller, of: str, query: CountQuery, further: Sequence[str] = ()) -> int:
    (row,) = await ask(caller, of, listing_of(query), further)
    return int(row["found"])
