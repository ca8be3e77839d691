"""Scoped metrics: the metric types of one cluster, node pool, node, project, department, workload or pod over time."""

import difflib
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from starlette.responses import Response

from metrics_api.asking import asker_of, remembered
from metrics_api.cache import Kept
from metrics_api.endpoint import Produces
from metrics_api.entities import clusters_of, find, find_pool, not_found, pool_conditions
from metrics_api.errors import ApiError
from metrics_api.formats import MEDIA_TYPES, Format, choose_format
from metrics_api.measured import Keys, MetricsAnswer, Shape, kept
from metrics_api.parameters import LONGEST, Time, read_window
from metrics_api.runai_query import RunaiQuery, TypeName, read_one_of, whole_seconds
from metrics_api.services import Caller
from queries.condition import Condition
from queries.entities import Entity
from queries.ids import DEPARTMENT, NODE, POD, PROJECT, WORKLOAD, Kind
from queries.measurements import measure
from queries.metric_types import TYPES, MetricType
from queries.question import Asker, Question
from queries.samples import samples_of
from queries.stop import Stop
from queries.window import Window

DEFAULT_SAMPLES = 20

GROUPS: Keys = {
    "workload_type": "Category",
    "node_pool": "Nodepool",
    "project": "Project",
    "department": "Department",
    "cluster": "Cluster",
    "node": "Node",
    "gpu_model": "GpuModel",
    "user": "User",
}
"""What metrics of clusters can be grouped by; the last four are ours."""

OF_HOLDERS = {"workload_type", "project", "department", "user"}
"""Groups of who holds GPUs: what is told of them is told as of a project."""

Metrics = Annotated[Response, Produces(MetricsAnswer, tuple(MEDIA_TYPES), (207,))]


def read_group(text: object) -> str:
    return read_one_of(text, {key: name for name, key in GROUPS.items()}, "groupBy")


GroupKey = Annotated[
    str, BeforeValidator(read_group), WithJsonSchema({"type": "string", "enum": list(GROUPS.values())})
]


class MetricsQuery(RunaiQuery):
    """Which metric types, over which time."""

    start: Time = Field(description="ISO 8601; without an offset, UTC.")
    end: Time = Field(description="The end, not included.")
    metric_type: tuple[TypeName, ...] = Field(
        min_length=1, description="Separated by commas, or repeated; as many as you like."
    )
    number_of_samples: int = Field(
        DEFAULT_SAMPLES,
        ge=0,
        le=LONGEST,
        description="How many equal parts of the time are told, each by its mean; 0: as by default. There are fewer"
        " where samples are kept less often.",
    )
    format: Format | None = Field(None, description="Without it, what the Accept header asks for.")

    @model_validator(mode="after")
    def end_is_after_start(self) -> Self:
        read_window(self.start, self.end)
        return self

    def window(self) -> Window:
        return whole_seconds(self.start, self.end)


class NodePoolQuery(MetricsQuery):
    names: ClassVar = {"metricType": TYPES["node_pool"]}


class NodeQuery(MetricsQuery):
    names: ClassVar = {"metricType": TYPES["node"]}


class WorkloadQuery(MetricsQuery):
    names: ClassVar = {"metricType": TYPES["workload"]}


class PodQuery(MetricsQuery):
    names: ClassVar = {"metricType": TYPES["pod"]}


class InferenceQuery(MetricsQuery):
    names: ClassVar = {"metricType": TYPES["inference"]}


class PooledQuery(MetricsQuery):
    """The same, of one node pool alone if one likes."""

    names: ClassVar = {"metricType": TYPES["project"]}

    nodepool_name: str | None = Field(None, description="Only this node pool.")


class ClusterQuery(PooledQuery):
    """The same, in groups if one likes."""

    names: ClassVar = {"metricType": TYPES["cluster"]}

    group_by: tuple[GroupKey, ...] = Field((), description="Category, Nodepool, Project, Department; also several.")


async def read_cluster(caller: Caller, query: ClusterQuery, cluster_uuid: str) -> Metrics:
    """Metrics of a cluster over time, whole or in groups. Several clusters, separated by commas, or ``all`` of them,
    are told together, or apart with ``groupBy=Cluster``."""
    asker = await asker_of(caller)
    clusters = clusters_of(caller, asker, cluster_uuid)
    asker = await asker_of(caller, clusters)
    pools = await pool_conditions(caller, asker, clusters, query.nodepool_name)
    by = tuple(dict.fromkeys(query.group_by))
    return await told(caller, asker, query, "cluster", pools, "grouped", by)


async def read_node_pool(caller: Caller, query: NodePoolQuery, cluster_uuid: str, nodepool_name: str) -> Metrics:
    """Metrics of a node pool, by its name, over time."""
    asker = await asker_of(caller)
    clusters = clusters_of(caller, asker, cluster_uuid)
    asker = await asker_of(caller, clusters)
    pool = await find_pool(caller, asker, clusters, nodepool_name)
    if not pool:
        raise not_found("node pool", nodepool_name)
    return await told(caller, asker, query, "node_pool", pool.conditions(), "plain")


async def read_node(caller: Caller, query: NodeQuery, node_id: str) -> Metrics:
    """Metrics of a node over time; per GPU with its index as the label ``gpu``."""
    return await of_entity(caller, query, NODE, node_id, "node", "plain")


async def read_project(caller: Caller, query: PooledQuery, project_id: str) -> Metrics:
    """Metrics of a project over time."""
    return await of_entity(caller, query, PROJECT, project_id, "project", "plain")


async def read_department(caller: Caller, query: PooledQuery, department_id: str) -> Metrics:
    """Metrics of a department over time."""
    return await of_entity(caller, query, DEPARTMENT, department_id, "department", "plain")


async def read_workload(caller: Caller, query: WorkloadQuery, workload_id: str) -> Metrics:
    """Metrics of a workload over time."""
    return await of_entity(caller, query, WORKLOAD, workload_id, "workload", "composite")


async def read_pod(caller: Caller, query: PodQuery, workload_id: str, pod_id: str) -> Metrics:
    """Metrics of a pod of a workload over time; per GPU with its index as the label ``gpu``."""
    workload = await find(caller, WORKLOAD, workload_id, "workload")
    return await of_entity(caller, query, POD, pod_id, "pod", "composite", workload)


async def read_inference(caller: Caller, query: InferenceQuery, workload_id: str) -> Metrics:
    """Throughput and latency of a server: empty, since what inference servers export is not collected."""
    return await of_entity(caller, query, WORKLOAD, workload_id, "inference", "plain")


async def read_inference_pod(caller: Caller, query: InferenceQuery, workload_id: str, pod_id: str) -> Metrics:
    """Throughput and latency of a pod of a server: empty, since what inference servers export is not collected."""
    workload = await find(caller, WORKLOAD, workload_id, "workload")
    return await of_entity(caller, query, POD, pod_id, "inference", "plain", workload)


async def of_entity(
    caller: Caller,
    query: MetricsQuery,
    kind: Kind,
    identifier: str,
    scope: str,
    shape: Shape,
    parent: Entity | None = None,
) -> Response:
    entity = await find(caller, kind, identifier, scope, parent)
    asker = await asker_of(caller, (entity.cluster,))
    pool_name = query.nodepool_name if isinstance(query, PooledQuery) else None
    pools = await pool_conditions(caller, asker, (entity.cluster,), pool_name)
    conditions = dict.fromkeys((*(parent.conditions() if parent else ()), *entity.conditions(), *pools))
    return await told(caller, asker, query, scope, tuple(conditions), shape)


async def told(
    caller: Caller,
    asker: Asker,
    query: MetricsQuery,
    scope: str,
    conditions: tuple[Condition, ...],
    shape: Shape,
    by: tuple[str, ...] = (),
) -> Response:
    types = chosen_types(query.metric_type, scope, by)
    form, limits = choose_format(query.format, caller.accept), caller.services.settings.limits
    samples = samples_of(query.window(), query.number_of_samples or DEFAULT_SAMPLES, caller.finest_step)
    question = Question(samples.aligned(query.window()), samples, by, conditions)
    keys = {name: GROUPS[name] for name in by}

    def work(stop: Stop) -> Kept:
        return kept(measure(asker.within(stop, limits.rows), question, types), form, shape, keys)

    return await remembered(caller, asker, question.window, (measure, question, types, form, shape), work)


def chosen_types(names: tuple[str, ...], scope: str, by: tuple[str, ...] = ()) -> tuple[MetricType, ...]:
    """The types of these names.

    Raises:
        ApiError: 400, with what a scope has.
    """
    known = TYPES[scope]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            raise ApiError(400, f"unknown type {name!r} of {scope.replace('_', ' ')}; {hint}")
    instead: dict[str, Any] = TYPES["project"] if OF_HOLDERS & set(by) else {}
    return tuple(instead.get(name, known[name]) for name in dict.fromkeys(names))
