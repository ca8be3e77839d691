"""Telemetry: one number now, whole or in groups, over all clusters that the caller may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from metrics_api.asking import asker_of, remembered
from metrics_api.cache import Kept
from metrics_api.encoding import encode
from metrics_api.endpoint import Produces
from metrics_api.entities import clusters_of, find, pool_conditions
from metrics_api.errors import ApiError
from metrics_api.formats import MEDIA_TYPES, Format, choose_format
from metrics_api.measured import TelemetryAnswer, completeness, group_name, number, response
from metrics_api.runai_query import RunaiQuery, TypeName, bare, read_one_of
from metrics_api.scoped_metrics import chosen_types
from metrics_api.services import Caller
from queries.condition import Condition
from queries.ids import CLUSTER, DEPARTMENT, NODE, NODE_POOL, PROJECT, Kind
from queries.measurements import Measurement, Measurements, measure
from queries.metric_types import TYPES, MetricType
from queries.question import Asker, Question
from queries.stop import Stop
from queries.window import Window, format_time

NEWEST = timedelta(minutes=15)
"""How old the newest step of a cluster may be."""

MOST_KEYS = 2

RUNNING = "Running"

NEVER = Condition("workload_kind", "=|", ())

HELD = {"workloads": (Condition("workload", "=@", ""),), "org_unit": (Condition("project", "=@", ""),)}
"""What is told of workloads or projects is of those that have a name."""


@dataclass(frozen=True)
class GroupKey:
    """What telemetry is grouped by. kind: of the ids that stand for the group."""

    key: str
    dimension: str
    kind: Kind | None = None

    @property
    def by(self) -> tuple[str, ...]:
        return self.kind.names if self.kind else (self.dimension,)

    def group(self, names: dict[str, str | None]) -> dict[str, str]:
        name = names[self.dimension]
        if name is None or not self.kind:
            return {"key": self.key, "value": group_name(self.dimension, name)}
        return {"key": self.key, "value": self.kind.id(*(names[each] for each in self.kind.names)), "name": name}


BY_CLUSTER = GroupKey("ClusterId", "cluster", CLUSTER)

KEYS: dict[str, tuple[GroupKey, ...]] = {
    "nodes": (BY_CLUSTER, GroupKey("Nodepool", "node_pool", NODE_POOL), GroupKey("Node", "node", NODE)),
    "workloads": (
        BY_CLUSTER,
        GroupKey("DepartmentId", "department", DEPARTMENT),
        GroupKey("ProjectId", "project", PROJECT),
        GroupKey("Type", "workload_kind"),
        GroupKey("CurrentNodepools", "node_pool", NODE_POOL),
        GroupKey("Phase", "workload_phase"),
        GroupKey("Category", "workload_type"),
    ),
    "projects": (
        BY_CLUSTER,
        GroupKey("NodepoolId", "node_pool", NODE_POOL),
        GroupKey("ParentId", "department", DEPARTMENT),
        GroupKey("ProjectId", "project", PROJECT),
    ),
    "departments": (BY_CLUSTER, GroupKey("DepartmentId", "department", DEPARTMENT)),
}
"""By what is asked about. ProjectId of projects and DepartmentId of departments are ours."""

Telemetry = Annotated[Response, Produces(TelemetryAnswer, tuple(MEDIA_TYPES))]

Names = Annotated[tuple[str, ...], Field(max_length=MOST_KEYS)]

Phase = Annotated[str, BeforeValidator(lambda text: bare(text).capitalize()), WithJsonSchema({"type": "string"})]


class TelemetryQuery(RunaiQuery):
    """Which number."""

    telemetry_type: TypeName
    group_by: Names = Field((), description="At most two keys.")
    cluster_id: str | None = Field(None, description="Only this cluster; without it, all.")
    format: Format | None = Field(None, description="Without it, what the Accept header asks for.")


def names_of(scope: str, about: str) -> dict[str, list[str]]:
    return {"telemetryType": list(TYPES[scope]), "groupBy": [key.key for key in KEYS[about]]}


class NodesQuery(TelemetryQuery):
    names: ClassVar = names_of("nodes", "nodes")

    nodepool_name: str | None = None


class WorkloadsQuery(NodesQuery):
    names: ClassVar = names_of("workloads", "workloads")

    department_id: str | None = None
    filter_by_phases: tuple[Phase, ...] = ()


class ProjectsQuery(TelemetryQuery):
    names: ClassVar = names_of("org_unit", "projects")

    nodepool_id: str | None = None
    department_id: str | None = None


class DepartmentsQuery(NodesQuery):
    names: ClassVar = names_of("org_unit", "departments")

    department_id: str | None = None


async def read_nodes(caller: Caller, query: NodesQuery) -> Telemetry:
    """A number about nodes and their GPUs now; groupBy: ClusterId, Nodepool, Node."""
    return await told(caller, query, "nodes", "nodes")


async def read_workloads(caller: Caller, query: WorkloadsQuery) -> Telemetry:
    """A number about workloads now; groupBy: ClusterId, DepartmentId, ProjectId, Type, CurrentNodepools, Phase,
    Category. Workloads that have ended are not counted."""
    return await told(caller, query, "workloads", "workloads")


async def read_projects(caller: Caller, query: ProjectsQuery) -> Telemetry:
    """A number about projects now; groupBy: ClusterId, NodepoolId, ParentId (the department), ProjectId."""
    return await told(caller, query, "org_unit", "projects")


async def read_departments(caller: Caller, query: DepartmentsQuery) -> Telemetry:
    """A number about departments now; groupBy: ClusterId (also written CLUSTER_ID), DepartmentId."""
    return await told(caller, query, "org_unit", "departments")


async def told(caller: Caller, query: TelemetryQuery, scope: str, about: str) -> Response:
    (asked,) = chosen_types((query.telemetry_type,), scope)
    keys = group_keys(query.group_by, KEYS[about])
    form, limits = choose_format(query.format, caller.accept), caller.services.settings.limits
    clusters, conditions = await narrowed(caller, query)
    asker = await asker_of(caller, clusters)
    phases = query.filter_by_phases if isinstance(query, WorkloadsQuery) else ()
    by = tuple(dict.fromkeys(name for key in keys for name in key.by if is_told_of(asked, name)))
    question = Question(newest(asker), None, by, (*conditions, *HELD.get(scope, ()), *phase_conditions(asked, phases)))

    def work(stop: Stop) -> Kept:
        answered = measure(asker.within(stop, limits.rows), question, (asked,))
        return kept(answered, keys, form, asker.now)

    return await remembered(caller, asker, question.window, (measure, question, asked, keys, form), work)


def newest(asker: Asker) -> Window:
    """Until the end of the minute that it is."""
    end = asker.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return Window(end - NEWEST, end)


def group_keys(names: tuple[str, ...], known: tuple[GroupKey, ...]) -> tuple[GroupKey, ...]:
    """The keys of these names.

    Raises:
        ApiError: 400, with those there are.
    """
    by_name = {key.key: key for key in known}
    try:
        found = [by_name[read_one_of(name, {key: key for key in by_name}, "groupBy")] for name in names]
    except ValueError as error:
        raise ApiError(400, str(error)) from None
    return tuple(dict.fromkeys(found))


async def narrowed(caller: Caller, query: TelemetryQuery) -> tuple[tuple[str, ...], tuple[Condition, ...]]:
    """The clusters that are asked about, and what else holds of the rows."""
    asker = await asker_of(caller)
    clusters = clusters_of(caller, asker, query.cluster_id or "all")
    conditions: list[Condition] = []
    for name, kind in (("department_id", DEPARTMENT), ("nodepool_id", NODE_POOL)):
        identifier = getattr(query, name, None)
        if identifier:
            entity = await find(caller, kind, identifier, kind.name.replace("_", " "))
            clusters = tuple(each for each in clusters if each == entity.cluster)
            conditions += entity.conditions()
    pool_name = getattr(query, "nodepool_name", None)
    conditions += await pool_conditions(caller, await asker_of(caller, clusters), clusters, pool_name)
    return clusters, tuple(conditions)


def is_told_of(asked: MetricType, dimension: str) -> bool:
    """GPUs are held by workloads that run: of these, the phase needs not be asked."""
    return dimension != "workload_phase" or not asked.metric


def phase_conditions(asked: MetricType, phases: tuple[str, ...]) -> tuple[Condition, ...]:
    if not phases:
        return ()
    if asked.metric:
        return () if RUNNING in phases else (NEVER,)
    return (Condition("workload_phase", "=|", phases),)


def kept(answered: Measurements, keys: tuple[GroupKey, ...], form: Format, now: datetime) -> Kept:
    (measured,) = answered.measured
    values = list(values_of(measured, keys))
    if form != "json":
        return response(to_table(measured, values, keys, form), form, warnings=answered.warnings)
    body: dict[str, Any] = {
        "type": measured.type.name,
        "timestamp": format_time(now.replace(microsecond=0)),
        "values": [{"value": value} | ({"groups": groups} if groups else {}) for value, groups in values],
    }
    return response(msgspec.json.encode(body | completeness(answered)), form)


Told = tuple[str, list[dict[str, str]]]


def values_of(measured: Measurement, keys: tuple[GroupKey, ...]) -> Iterable[Told]:
    """The values, each with its groups. Bands of a distribution are groups, too."""
    for row in measured.rows.to_pylist() if measured.rows is not None else ():
        names = {"workload_phase": RUNNING} | row
        bands = [{"key": "PendingTimeSeconds", "value": row["band"]}] if "band" in row else []
        yield number(row["value"]), [*(key.group(names) for key in keys), *bands]


def to_table(measured: Measurement, values: list[Told], keys: tuple[GroupKey, ...], form: Format) -> bytes:
    """One row a value."""
    columns: dict[str, list[str | None]] = {"type": [measured.type.name] * len(values)}
    columns["unit"] = [measured.type.unit] * len(values)
    names = [key.key for key in keys] + (["PendingTimeSeconds"] if "band" in measured.by else [])
    for place, key in enumerate(names):
        column = key[0].lower() + key[1:]
        columns[column] = [groups[place]["value"] for _, groups in values]
        if any("name" in groups[place] for _, groups in values):
            columns[f"{column}Name"] = [groups[place].get("name") for _, groups in values]
    table = pa.table({name: pa.array(column, pa.string()) for name, column in columns.items()})
    table = table.append_column("value", pa.array([float(value) for value, _ in values], pa.float64()))
    return b"".join(encode(form, table.schema, table.to_batches()))
