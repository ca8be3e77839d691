"""Departments: listed with what they have and had, made, changed and deleted."""

from typing import ClassVar, Literal

from pydantic import Field
from starlette.concurrency import run_in_threadpool

from metrics_api.access.users import Count
from metrics_api.endpoint import CompletePage
from metrics_api.errors import ApiError
from metrics_api.listing import CountQuery, ListQuery
from metrics_api.org_units.bodies import DepartmentChange, NewDepartment
from metrics_api.org_units.figures import read_figures
from metrics_api.org_units.finding import find_cluster, find_unit, read_chart, require_making
from metrics_api.org_units.resources import PoolResources, ResourceList, amounts_of
from metrics_api.org_units.rows import COLUMNS, Row, read_rows
from metrics_api.org_units.views import DepartmentView, view_department
from metrics_api.services import Caller
from queries.averages import RANGES
from queries.control.departments import InUseError, create_department, delete_department
from queries.control.projects import stamp
from queries.control.quotas import set_quotas
from queries.control.rules import Place
from queries.control.tables import Department
from queries.ids import department_id

Verbosity = Literal["meta", "brief", "verbose"]


class DepartmentCount(CountQuery):
    columns: ClassVar = COLUMNS
    search: ClassVar[None] = None  # type: ignore[misc]  # departments are not searched


class DepartmentQuery(ListQuery):
    columns: ClassVar = COLUMNS
    search: ClassVar[None] = None  # type: ignore[misc]  # as above
    verbosity: Verbosity = Field("verbose", description="meta: without projects and averages; brief: without projects.")


class DepartmentsView(CompletePage):
    departments: list[DepartmentView]


async def list_all(caller: Caller, query: DepartmentQuery) -> DepartmentsView:
    """The departments that the caller may see: those that were made, and those of the configuration file."""
    chart = await read_chart(caller)
    page = (await read_rows(caller, chart, "department", query)).page(query)
    shown = [
        view_department(chart, row, has_children=query.verbosity == "verbose", has_averages=query.verbosity != "meta")
        for row in page.rows
    ]
    return DepartmentsView(departments=shown, next=page.next)


async def count(caller: Caller, query: DepartmentCount) -> Count:
    """How many departments there are."""
    chart = await read_chart(caller)
    rows = await read_rows(caller, chart, "department", query)
    return Count(count=len(query.matching(rows.rows)))


async def read(caller: Caller, department_id: str) -> DepartmentView:
    """One department."""
    await find_unit(caller, "department", department_id, "read")
    return await tell(caller, department_id)


async def create(caller: Caller, body: NewDepartment) -> DepartmentView:
    """Make a department in a cluster."""
    chart = await read_chart(caller)
    cluster = find_cluster(caller, chart, body.clusterId)
    identifier = department_id(cluster.name, body.name)
    caller.target.id, caller.target.name = identifier, body.name
    require_making(caller, "department", Place(cluster.tenant_id, cluster.id, identifier))
    control = caller.services.control

    def make() -> Department:
        with control.session() as session:
            amounts = amounts_of(session, cluster, body.resources)
        return create_department(
            control,
            cluster,
            body.name,
            description=body.description,
            settings=body.settings(),
            amounts=amounts,
            created_by=caller.actor.name,
        )

    made = await run_in_threadpool(make)
    return await tell(caller, made.id)


async def update(caller: Caller, department_id: str, body: DepartmentChange) -> DepartmentView:
    """Change what was given of a department, all of it."""
    _, unit = await find_unit(caller, "department", department_id, "update")

    def change() -> None:
        with caller.services.control.session() as session:
            row = session.get_one(Department, unit.id)
            row.description, row.settings = body.description, body.settings()
            now = stamp(session, row, caller.actor.name)
            set_quotas(session, unit.id, amounts_of(session, unit.cluster, body.resources), now)

    await run_in_threadpool(change)
    return await tell(caller, unit.id)


async def delete(caller: Caller, department_id: str) -> None:
    """Delete a department that has no projects, with the access rules about it. Those of the configuration file are
    deleted there."""
    chart, unit = await find_unit(caller, "department", department_id, "delete")
    if unit.row.name in {each.name for each in chart.configured}:
        raise ApiError(409, f"department {unit.row.name!r} is in the configuration file; take it out there")
    try:
        await run_in_threadpool(delete_department, caller.services.control, unit.id)
    except InUseError as error:
        raise ApiError(409, str(error)) from None


async def set_resources(caller: Caller, department_id: str, body: ResourceList) -> DepartmentView:
    """Set what a department may have of each node pool; of those that are not named, nothing is said from then on."""
    return await change_resources(caller, department_id, body.root, keeps_others=False)


async def patch_resources(caller: Caller, department_id: str, body: ResourceList) -> DepartmentView:
    """Set what a department may have of some node pools; the rest stays as it is."""
    return await change_resources(caller, department_id, body.root, keeps_others=True)


async def change_resources(
    caller: Caller, identifier: str, resources: tuple[PoolResources, ...], *, keeps_others: bool
) -> DepartmentView:
    _, unit = await find_unit(caller, "department", identifier, "update")

    def change() -> None:
        with caller.services.control.session() as session:
            now = stamp(session, session.get_one(Department, unit.id), caller.actor.name)
            amounts = amounts_of(session, unit.cluster, resources)
            set_quotas(session, unit.id, amounts, now, keeps_others=keeps_others)

    await run_in_threadpool(change)
    return await tell(caller, unit.id)


async def tell(caller: Caller, identifier: str) -> DepartmentView:
    """A department as it is by now."""
    caller.services.charts.forget()
    chart = await caller.services.chart()
    unit = chart.department_units[identifier.lower()]
    figures = await read_figures(caller, chart, "department", has_present=True, ranges=tuple(RANGES))
    return view_department(chart, Row(unit, figures))
