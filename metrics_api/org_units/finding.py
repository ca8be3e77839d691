"""Finding: the cluster, department or project that a request is about, as far as the caller may do that to it."""

from starlette.concurrency import run_in_threadpool

from metrics_api.errors import ApiError
from metrics_api.policy import may
from metrics_api.services import Caller
from queries.control.chart import Chart, Unit
from queries.control.roles import Action
from queries.control.rules import Place
from queries.control.tables import Cluster
from queries.present import Level


async def read_chart(caller: Caller) -> Chart:
    """The organisation, with what was found in the lake by now."""
    await run_in_threadpool(caller.services.discovery.run)
    return await caller.services.chart()


async def find_unit(caller: Caller, level: Level, identifier: str, action: Action) -> tuple[Chart, Unit]:
    """Raises:
    ApiError: 404, there is none that the caller may see; 403, the caller may not do that to it.
    """
    chart = await read_chart(caller)
    units = chart.project_units if level == "project" else chart.department_units
    unit = units.get(identifier.lower())
    if unit is None or unit.place.tenant != caller.actor.tenant_id or not may(caller.actor, "read", level, unit.place):
        raise ApiError(404, f"there is no {level} {identifier!r}, or you may not see it", "Resource id not found.")
    caller.target.id, caller.target.name = unit.id, unit.row.name
    caller.require(action, level, unit.place)
    return chart, unit


def require_making(caller: Caller, level: Level, place: Place) -> None:
    """Raises:
    ApiError: 403, the caller may not make such a thing at a place that it may know of.
    """
    if not may(caller.actor, "create", level, place):
        raise ApiError(403, f"you do not have sufficient permissions: your roles do not allow to make a {level} here")


def find_cluster(caller: Caller, chart: Chart, identifier: str) -> Cluster:
    """Raises:
    ApiError: 400, there is none in which the caller may see anything.
    """
    cluster = chart.clusters.get(identifier.lower())
    is_there = cluster is not None and cluster.tenant_id == caller.actor.tenant_id and not cluster.delete_requested_at
    if cluster is None or not is_there or not is_known(caller, cluster):
        raise ApiError(400, f"field 'clusterId': there is no cluster with the id {identifier!r} that you may manage")
    return cluster


def is_known(caller: Caller, cluster: Cluster) -> bool:
    return caller.actor.scope.shows(cluster.name) or may(
        caller.actor, "read", "cluster", Place(cluster.tenant_id, cluster.id)
    )


def find_parent(caller: Caller, chart: Chart, cluster_id: str, identifier: str) -> Unit:
    """Raises:
    ApiError: 400, the cluster has no such department that the caller may see.
    """
    unit = chart.department_units.get(identifier.lower())
    if unit is None or unit.cluster.id != cluster_id or not may(caller.actor, "read", "department", unit.place):
        raise ApiError(
            400,
            f"field 'parentId': the cluster has no department with the id {identifier!r} that you may manage",
        )
    return unit
