"""Nodes: which there are, what each has, and how it is; read from the lake."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel

from metrics_api.asking import asker_of
from metrics_api.endpoint import Complete
from metrics_api.entities import find
from metrics_api.listing import Column, CountQuery, ListQuery
from metrics_api.measured import group_name
from metrics_api.services import Caller
from queries.ids import CLUSTER, cluster_id
from queries.nodes import Node
from queries.stop import Stop

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

CONDITIONS = {
    "NotReady": ("Ready", "NotReady", "the scheduler says that the node is not ready"),
    "Unknown": ("Ready", "Unknown", "nothing is known of the node just now"),
}


def pool_of(node: Node) -> str:
    return group_name("node_pool", node.node_pool)


COLUMNS = (
    Column("name", lambda node: node.name, is_searched=True),
    Column("status", lambda node: node.status),
    Column("nodePool", pool_of, is_searched=True),
    Column("gpuType", lambda node: node.gpu_model, is_searched=True),
    Column("nvLinkDomainUid", lambda _: None),
    Column("nvLinkCliqueId", lambda _: None),
    Column("clusterUuid", lambda node: cluster_id(node.cluster)),
)


class NodesQuery(ListQuery):
    columns: ClassVar = COLUMNS


class NodeCount(CountQuery):
    columns: ClassVar = COLUMNS


class GpuInfo(BaseModel):
    gpuType: str
    gpuCount: int


class NodeConditionView(BaseModel):
    type: str
    reason: str
    message: str


class TaintView(BaseModel):
    key: str
    value: str = ""
    effect: str


class NodeView(Complete):
    """A node. createdAt: when it was first seen; updatedAt: until when it was seen. gpuInfo: of the GPUs that the
    caller may see. What a cluster's exporters do not tell (NVLink domains) is null."""

    id: str
    name: str
    status: str
    conditions: list[NodeConditionView]
    taints: list[TaintView]
    nodePool: str
    clusterUuid: str
    createdAt: datetime
    updatedAt: datetime
    gpuInfo: GpuInfo | None
    nvLinkDomainUid: str | None = None
    nvLinkCliqueId: str | None = None

    @classmethod
    def of(cls, node: Node) -> "NodeView":
        return cls(
            id=node.id,
            name=node.name,
            status=node.status,
            conditions=list(conditions_of(node)),
            taints=taints_of(node),
            nodePool=pool_of(node),
            clusterUuid=cluster_id(node.cluster),
            createdAt=node.first_seen,
            updatedAt=node.last_seen,
            gpuInfo=GpuInfo(gpuType=node.gpu_model or "", gpuCount=node.gpus) if node.gpus else None,
        )


class NodesView(Complete):
    nodes: list[NodeView]


class CountView(BaseModel):
    count: int


async def list_all(caller: Caller, query: NodesQuery) -> NodesView:
    """The nodes of all clusters that were seen within a day before their cluster was last collected."""
    return shown(await nodes_of(caller), query)


async def count(caller: Caller, query: NodeCount) -> CountView:
    """How many nodes there are."""
    return CountView(count=len(query.matching(await nodes_of(caller))))


async def list_of_cluster(caller: Caller, cluster_uuid: str, query: NodesQuery) -> NodesView:
    """The nodes of one cluster."""
    return shown(await of_cluster(caller, cluster_uuid), query)


async def count_of_cluster(caller: Caller, cluster_uuid: str, query: NodeCount) -> CountView:
    """How many nodes a cluster has."""
    return CountView(count=len(query.matching(await of_cluster(caller, cluster_uuid))))


async def nodes_of(caller: Caller, clusters: tuple[str, ...] | None = None) -> list[Node]:
    """clusters: without them, all that the caller may see."""
    asker, services = await asker_of(caller, clusters), caller.services

    def work(stop: Stop) -> list[Node]:
        return services.nodes.of(asker.within(stop, services.settings.limits.rows))

    return await services.pool.answer(caller.who, work, is_short=True)


async def of_cluster(caller: Caller, identifier: str) -> list[Node]:
    """Raises:
    ApiError: 404, where there is no such cluster that the caller may see.
    """
    cluster = await find(caller, CLUSTER, identifier, "cluster")
    return await nodes_of(caller, (cluster.cluster,))


def shown(nodes: Iterable[Node], query: NodesQuery) -> NodesView:
    return NodesView(nodes=[NodeView.of(node) for node in query.page(nodes).rows])


def conditions_of(node: Node) -> Iterable[NodeConditionView]:
    if node.status in CONDITIONS:
        kind, reason, message = CONDITIONS[node.status]
        yield NodeConditionView(type=kind, reason=reason, message=message)
    if node.faulty_gpus:
        yield NodeConditionView(
            type="GPUsHealthy", reason="Fault", message=f"{node.faulty_gpus} of its GPUs report an error that ends work"
        )


def taints_of(node: Node) -> list[TaintView]:
    """What keeps workloads from a node that is ready. Slurm's drained is told as what Kubernetes calls it."""
    return [TaintView(key=UNSCHEDULABLE, effect="NoSchedule")] if node.is_cordoned or node.is_drained else []
