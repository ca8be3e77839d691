"""Metrics of Run:ai's old control plane: what clusters, projects and departments have, now and over a time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Self

import msgspec
from pydantic import Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from metrics_api.asking import asker_of, remembered
from metrics_api.cache import Kept
from metrics_api.dialects.runai_legacy.numbers import id_of
from metrics_api.endpoint import Produces
from metrics_api.entities import clusters_of, find, not_found, pool_conditions
from metrics_api.errors import ApiError
from metrics_api.measured import response
from metrics_api.parameters import LONGEST, Time, read_window
from metrics_api.runai_query import RunaiQuery, whole_seconds
from metrics_api.scoped_metrics import DEFAULT_SAMPLES
from metrics_api.services import Caller
from metrics_api.telemetry import newest
from queries.condition import Condition
from queries.control.tables import Department, Project
from queries.entities import Entity
from queries.ids import DEPARTMENT, PROJECT, cluster_id, department_id, project_id
from queries.measurements import Measurements, measure
from queries.metric_types import TYPES
from queries.question import Asker, Question
from queries.samples import Samples, samples_of
from queries.stop import Stop
from queries.window import Window, format_time

Resources = dict[str, Any]
Names = dict[str, Any]


class LegacyQuery(RunaiQuery):
    """The time to tell beside the present, if any, and the node pool."""

    start: Time | None = Field(None, description="With an end; without both, only the present is told.")
    end: Time | None = None
    number_of_samples: int = Field(DEFAULT_SAMPLES, ge=0, le=LONGEST)
    nodepool_name: str | None = Field(None, description="Only this node pool.")

    @model_validator(mode="after")
    def has_both_or_neither(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end: give both, or neither to ask about the present alone")
        if self.start:
            read_window(self.start, self.end)
        return self

    def window(self) -> Window | None:
        if not self.start or not self.end:
            return None
        return whole_seconds(self.start, self.end)


OWNERS = ("project", "department", "node_pool")

Answer = Annotated[Response, Produces(dict[str, Any])]


async def read_cluster(caller: Caller, query: LegacyQuery, cluster_uuid: str) -> Answer:
    """What a cluster has, by node pool, and by project and node pool."""

    def shape(asked: "AskedOf") -> Resources:
        owned = [
            {"projectName": names["project"], "departmentName": names["department"], **each}
            for names, each in asked.now("legacy_project", OWNERS)
            if names["project"]
        ]
        resources = [each for _, each in asked.now("legacy_cluster", ("node_pool",))]
        return {"metadata": asked.home, "current": {"resources": resources, "projectResources": owned}}

    return await told(caller, query, cluster_uuid, "legacy_cluster", shape)


async def read_projects(caller: Caller, query: LegacyQuery, cluster_uuid: str) -> Answer:
    """What each project of a cluster has, by node pool."""
    return await told(caller, query, cluster_uuid, "legacy_project", lambda asked: {"data": list(projects(asked))})


async def read_project(caller: Caller, query: LegacyQuery, cluster_uuid: str, project_id: str) -> Answer:
    """What a project has, by node pool."""
    identifier = await run_in_threadpool(id_of, caller, Project, cluster_uuid, project_id)
    entity = await find(caller, PROJECT, identifier, "project")
    return await told(caller, query, cluster_uuid, "legacy_project", lambda asked: only(projects(asked)), entity)


async def read_departments(caller: Caller, query: LegacyQuery, cluster_uuid: str) -> Answer:
    """What each department of a cluster has, by node pool."""
    return await told(caller, query, cluster_uuid, "legacy_project", lambda asked: {"data": list(departments(asked))})


async def read_department(caller: Caller, query: LegacyQuery, cluster_uuid: str, department_id: str) -> Answer:
    """What a department has, by node pool."""
    identifier = await run_in_threadpool(id_of, caller, Department, cluster_uuid, department_id)
    entity = await find(caller, DEPARTMENT, identifier, "department")
    return await told(caller, query, cluster_uuid, "legacy_project", lambda asked: only(departments(asked)), entity)


@dataclass(frozen=True)
class AskedOf:
    """What is asked about one cluster, or about a part of it."""

    asker: Asker
    cluster: str
    conditions: tuple[Condition, ...]

    @property
    def home(self) -> Resources:
        return {"clusterId": cluster_id(self.cluster), "clusterName": self.cluster}

    def now(self, scope: str, by: tuple[str, ...]) -> Iterable[tuple[Names, Resources]]:
        """The names of each group, and what it has now."""
        question = Question(newest(self.asker), None, by, self.conditions)
        for names, found in resources_of(measure(self.asker, question, tuple(TYPES[scope].values())), by, scope):
            yield names, {"nodepoolName": names["node_pool"]} | found

    def over(self, scope: str, window: Window, samples: Samples) -> Measurements:
        question = Question(samples.aligned(window), samples, (), self.conditions)
        return measure(self.asker, question, tuple(TYPES[scope].values()))


def projects(asked: AskedOf) -> Iterable[Resources]:
    found: dict[tuple[str, str | None], list[Resources]] = {}
    for names, each in asked.now("legacy_project", OWNERS):
        if names["project"]:
            found.setdefault((names["project"], names["department"]), []).append(each)
    for (project, department), resources in found.items():
        named = {"projectId": project_id(asked.cluster, project), "projectName": project}
        metadata = named | of_department(asked, department) | asked.home
        yield {"metadata": metadata, "current": {"resources": resources}}


def departments(asked: AskedOf) -> Iterable[Resources]:
    owned: dict[str, list[Resources]] = {}
    for names, each in asked.now("legacy_project", OWNERS):
        if names["department"] and names["project"]:
            owned.setdefault(names["department"], []).append({"projectName": names["project"], **each})
    found: dict[str, list[Resources]] = {}
    for names, each in asked.now("legacy_project", ("department", "node_pool")):
        if names["department"]:
            found.setdefault(names["department"], []).append(each)
    for department, resources in found.items():
        current = {"resources": resources, "projectResources": owned.get(department, [])}
        yield {"metadata": of_department(asked, department) | asked.home, "current": current}


def of_department(asked: AskedOf, department: str | None) -> Resources:
    if department is None:
        return {"departmentId": None, "departmentName": None}
    return {"departmentId": department_id(asked.cluster, department), "departmentName": department}


def only(found: Iterable[Resources]) -> Resources:
    """What one thing has; nothing, where it has nothing now."""
    return next(iter(found), {"current": {"resources": []}})


async def told(
    caller: Caller,
    query: LegacyQuery,
    cluster_uuid: str,
    scope: str,
    shape: Callable[[AskedOf], Resources],
    part: Entity | None = None,
) -> Response:
    cluster, *more = clusters_of(caller, await asker_of(caller), cluster_uuid)
    if more:
        raise ApiError(400, f"cluster = {cluster_uuid!r}: one cluster is told here; /api/v1/clusters tells several")
    if part and part.cluster != cluster:
        raise not_found(part.kind, part.id)
    asker, limits = await asker_of(caller, (cluster,)), caller.services.settings.limits
    pools = await pool_conditions(caller, asker, (cluster,), query.nodepool_name)
    conditions = (*(part.conditions() if part else ()), *pools)
    window = query.window()
    samples = samples_of(window, query.number_of_samples or DEFAULT_SAMPLES, caller.finest_step) if window else None

    def work(stop: Stop) -> Kept:
        asked = AskedOf(asker.within(stop, limits.rows), cluster, conditions)
        body = shape(asked)
        if window and samples:
            body["timeRange"] = {"resources": over_time(asked.over(scope, window, samples), scope)}
        return response(msgspec.json.encode(body), "json")

    key = ("legacy", cluster, scope, shape.__qualname__, conditions, samples, newest(asker))
    return await remembered(caller, asker, window or newest(asker), key, work)


def over_time(answered: Measurements, scope: str) -> list[Resources]:
    found = resources_of(answered, ("time",), scope)
    return [{"timestamp": format_time(names["time"])} | each for names, each in sorted(found, key=by_time)]


def by_time(found: tuple[Names, Resources]) -> Any:
    return found[0]["time"]


def resources_of(answered: Measurements, by: tuple[str, ...], scope: str) -> list[tuple[Names, Resources]]:
    """The names of each group, and its resources; what is not known is null."""
    groups: dict[tuple[Any, ...], dict[str, float]] = {}
    for each in answered.measured:
        for row in each.rows.to_pylist() if each.rows is not None else ():
            groups.setdefault(tuple(row[name] for name in by), {})[each.type.name] = row["value"]
    names = tuple(TYPES[scope])
    return [(dict(zip(by, group, strict=True)), nested(values, names)) for group, values in groups.items()]


def nested(values: dict[str, float], names: tuple[str, ...]) -> Resources:
    """``gpu.quota`` as the field quota of gpu."""
    found: Resources = {}
    for name in names:
        outer, _, inner = name.partition(".")
        value = values.get(name)
        if inner:
            found.setdefault(outer, {})[inner] = value
        else:
            found[outer] = int(value or 0)
    return found
