"""Projects: listed with what they have and had, made, changed and deleted."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from starlette.concurrency import run_in_threadpool

from metrics_api.access.users import Count
from metrics_api.endpoint import CompletePage
from metrics_api.listing import CountQuery, ListQuery
from metrics_api.org_units.bodies import NewProject, ProjectChange
from metrics_api.org_units.figures import read_figures
from metrics_api.org_units.finding import find_cluster, find_parent, find_unit, read_chart, require_making
from metrics_api.org_units.resources import PoolResources, ResourceList, amounts_of
from metrics_api.org_units.rows import PROJECT_COLUMNS, Row, read_rows
from metrics_api.org_units.views import ProjectView, view_project
from metrics_api.services import Caller
from queries.averages import RANGES
from queries.control.chart import Unit
from queries.control.projects import create_project, delete_project, stamp
from queries.control.quotas import set_quotas
from queries.control.rules import Place
from queries.control.tables import Cluster, Project
from queries.departments import department_of
from queries.ids import department_id, project_id


class ProjectCount(CountQuery):
    columns: ClassVar = PROJECT_COLUMNS


class ProjectQuery(ListQuery):
    columns: ClassVar = PROJECT_COLUMNS


class ProjectsView(CompletePage):
    projects: list[ProjectView]


async def list_all(caller: Caller, query: ProjectQuery) -> ProjectsView:
    """The projects that the caller may see: those that were made, and those that clusters show."""
    chart = await read_chart(caller)
    page = (await read_rows(caller, chart, "project", query)).page(query)
    return ProjectsView(projects=[view_project(chart, row) for row in page.rows], next=page.next)


async def count(caller: Caller, query: ProjectCount) -> Count:
    """How many projects there are."""
    chart = await read_chart(caller)
    rows = await read_rows(caller, chart, "project", query)
    return Count(count=len(query.matching(rows.rows)))


async def read(caller: Caller, project_id: str) -> ProjectView:
    """One project."""
    await find_unit(caller, "project", project_id, "read")
    return await tell(caller, project_id)


async def create(caller: Caller, body: NewProject) -> ProjectView:
    """Make a project in a cluster. What the cluster shows of a project of this name is its past."""
    chart = await read_chart(caller)
    cluster = find_cluster(caller, chart, body.clusterId)
    identifier = project_id(cluster.name, body.name)
    caller.target.id, caller.target.name = identifier, body.name
    parent = find_parent(caller, chart, cluster.id, body.parentId) if body.parentId else None
    if identifier in chart.deleted:  # whoever makes it again has its past
        require_making(caller, "project", Place(cluster.tenant_id, cluster.id))
    place = parent.place if parent else place_by_name(caller, cluster, body.name)
    require_making(caller, "project", replace(place, project=identifier))
    control = caller.services.control

    def make() -> Project:
        with control.session() as session:
            amounts = amounts_of(session, cluster, body.resources)
        return create_project(
            control,
            cluster,
            body.name,
            department=parent.id if parent else None,
            description=body.description,
            settings=body.settings(),
            amounts=amounts,
            created_by=caller.actor.name,
        )

    made = await run_in_threadpool(make)
    return await tell(caller, made.id)


def place_by_name(caller: Caller, cluster: Cluster, name: str) -> Place:
    """Where the configuration file puts a project of this name."""
    department = department_of(name, caller.services.settings.departments, datetime.now(UTC))
    return Place(cluster.tenant_id, cluster.id, department_id(cluster.name, department) if department else None)


async def update(caller: Caller, project_id: str, body: ProjectChange) -> ProjectView:
    """Change what was given of a project, all of it."""
    chart, unit = await find_unit(caller, "project", project_id, "update")
    parent = find_parent(caller, chart, unit.cluster.id, body.parentId) if body.parentId else None
    if body.is_moved:
        place = parent.place if parent else place_by_name(caller, unit.cluster, unit.row.name)
        require_move(caller, unit, replace(place, project=unit.id))

    def change() -> None:
        with caller.services.control.session() as session:
            row = session.get_one(Project, unit.id)
            row.description = body.description
            kept = {name: row.settings[name] for name in ("requestedNamespace",) if name in row.settings}
            row.settings = kept | body.settings()
            if body.is_moved:
                row.department_id = parent.id if parent else None
            now = stamp(session, row, caller.actor.name)
            set_quotas(session, unit.id, amounts_of(session, unit.cluster, body.resources), now)

    await run_in_threadpool(change)
    return await tell(caller, unit.id)


def require_move(caller: Caller, unit: Unit, place: Place) -> None:
    """Who moves a project takes it away from one department, and puts it in another."""
    if place.department != unit.place.department:
        require_making(caller, "project", place)
        caller.require("delete", "project", unit.place)


async def delete(caller: Caller, project_id: str) -> None:
    """Delete a project, with the access rules about it. What it used stays in the ledger; it is listed again once its
    cluster shows it in an hour that begins later."""
    _, unit = await find_unit(caller, "project", project_id, "delete")
    await run_in_threadpool(delete_project, caller.services.control, unit.id)


async def set_resources(caller: Caller, project_id: str, body: ResourceList) -> ProjectView:
    """Set what a project may have of each node pool; of those that are not named, nothing is said from then on."""
    return await change_resources(caller, project_id, body.root, keeps_others=False)


async def patch_resources(caller: Caller, project_id: str, body: ResourceList) -> ProjectView:
    """Set what a project may have of some node pools; the rest stays as it is."""
    return await change_resources(caller, project_id, body.root, keeps_others=True)


async def change_resources(
    caller: Caller, identifier: str, resources: tuple[PoolResources, ...], *, keeps_others: bool
) -> ProjectView:
    _, unit = await find_unit(caller, "project", identifier, "update")

    def change() -> None:
        with caller.services.control.session() as session:
            now = stamp(session, session.get_one(Project, unit.id), caller.actor.name)
            amounts = amounts_of(session, unit.cluster, resources)
            set_quotas(session, unit.id, amounts, now, keeps_others=keeps_others)

    await run_in_threadpool(change)
    return await tell(caller, unit.id)


async def tell(caller: Caller, identifier: str) -> ProjectView:
    """A project as it is by now."""
    caller.services.charts.forget()
    chart = await caller.services.chart()
    unit: Unit = chart.project_units[identifier.lower()]
    figures = await read_figures(caller, chart, "project", has_present=True, ranges=tuple(RANGES))
    return view_project(chart, Row(unit, figures))
