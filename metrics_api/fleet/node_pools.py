"""Node pools: those that the lake shows, and those that are made by the API before it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from metrics_api.fleet.clusters import cluster_of
from metrics_api.fleet.nodes import CountView, nodes_of
from metrics_api.listing import Column, CountQuery, ListQuery
from metrics_api.policy import may
from metrics_api.services import Caller
from queries.control.node_pools import (
    PlacedPool,
    create_node_pool,
    delete_node_pool,
    find_node_pool,
    list_node_pools,
    update_node_pool,
)
from queries.control.roles import Action
from queries.control.rules import Place
from queries.nodes import Node

RESOURCE = "nodepools"

NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"

LABEL_KEY = r"^([A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"

Phase = Literal["Creating", "Updating", "Deleting", "Empty", "Unschedulable", "Ready", "Deleted"]


@dataclass(frozen=True)
class ShownPool:
    """A node pool with the nodes of it that the caller may see."""

    placed: PlacedPool
    nodes: tuple[Node, ...]

    @property
    def phase(self) -> Phase:
        """Unschedulable: no node of it takes workloads."""
        if not self.nodes:
            return "Empty"
        is_closed = all(node.status == "NotReady" or node.is_cordoned or node.is_drained for node in self.nodes)
        return "Unschedulable" if is_closed else "Ready"


def setting(name: str) -> Column:
    return Column(name, lambda shown: shown.placed.pool.settings.get(name))


COLUMNS = (
    Column("name", lambda shown: shown.placed.pool.name),
    Column("phase", lambda shown: shown.phase),
    Column("clusterId", lambda shown: shown.placed.cluster.id),
    Column("createdAt", lambda shown: shown.placed.pool.created_at, datetime),
    Column("updatedAt", lambda shown: shown.placed.pool.updated_at, datetime),
    setting("gpuNetworkAccelerationDetection"),
    setting("gpuNetworkAccelerationLabelKey"),
)


class NodePoolsQuery(ListQuery):
    columns: ClassVar = COLUMNS


class NodePoolCount(CountQuery):
    columns: ClassVar = COLUMNS


class PoolSettings(BaseModel):
    """What a scheduler of Run:ai's does with a node pool: it is kept as it is given, and changes nothing here."""

    model_config = ConfigDict(extra="forbid")

    overProvisioningRatio: int | None = Field(None, ge=1, le=5)
    placementStrategy: dict[str, Any] | None = None
    gpuNetworkAccelerationLabelKey: str | None = Field(None, max_length=400)
    gpuNetworkAccelerationDetection: str | None = Field(None, max_length=40)
    gpuResourceOptimization: dict[str, Any] | None = None
    schedulingConfiguration: dict[str, Any] | None = None
    networkTopologyId: str | None = Field(None, max_length=100)

    def given(self) -> dict[str, Any]:
        return {name: value for name in PoolSettings.model_fields if (value := getattr(self, name)) is not None}


class NewNodePool(PoolSettings):
    """A node pool: the nodes of a cluster that have a label. Its name is the one that the data have: the value of the
    label."""

    name: str = Field(pattern=NAME)
    clusterId: str
    labelKey: str = Field(pattern=LABEL_KEY)
    labelValue: str = Field(pattern=NAME)


class ChangedNodePool(PoolSettings):
    labelKey: str | None = Field(None, pattern=LABEL_KEY)
    labelValue: str | None = Field(None, pattern=NAME)

    def label(self) -> dict[str, str]:
        told = {"label_key": self.labelKey, "label_value": self.labelValue}
        return {column: value for column, value in told.items() if value is not None}


class NodesOfPool(BaseModel):
    nodes: list[str]


class NodePoolView(Complete):
    """A node pool. labelKey, labelValue: null of one that was found in the data, and not told by the API. status: the
    names of its nodes that the caller may see."""

    id: str
    tenantId: int
    clusterId: str
    clusterName: str
    name: str
    labelKey: str | None
    labelValue: str | None
    isDefault: bool
    phase: Phase
    status: NodesOfPool
    overProvisioningRatio: int
    placementStrategy: dict[str, Any] | None
    gpuNetworkAccelerationLabelKey: str | None
    gpuNetworkAccelerationDetection: str | None
    gpuResourceOptimization: dict[str, Any] | None
    schedulingConfiguration: dict[str, Any] | None
    networkTopologyId: str | None
    createdAt: datetime
    createdBy: str
    updatedAt: datetime
    updatedBy: str

    @classmethod
    def of(cls, shown: ShownPool) -> "NodePoolView":
        pool, cluster = shown.placed.pool, shown.placed.cluster
        settings = dict.fromkeys(PoolSettings.model_fields) | {"overProvisioningRatio": 1} | pool.settings
        return cls(
            id=pool.id,
            tenantId=cluster.tenant_id,
            clusterId=cluster.id,
            clusterName=cluster.name,
            name=pool.name,
            labelKey=pool.label_key,
            labelValue=pool.label_value,
            isDefault=pool.is_default,
            phase=shown.phase,
            status=NodesOfPool(nodes=[node.name for node in shown.nodes]),
            createdAt=pool.created_at,
            createdBy=pool.created_by,
            updatedAt=pool.updated_at,
            updatedBy=pool.updated_by,
            **settings,
        )


class NodePoolsView(Complete):
    nodepools: list[NodePoolView]


async def list_all(caller: Caller, query: NodePoolsQuery) -> NodePoolsView:
    """The node pools of all clusters that the caller may see; of clusters of which it sees projects alone, those that
    these have nodes of."""
    page = query.page(await shown_pools(caller))
    return NodePoolsView(nodepools=[NodePoolView.of(shown) for shown in page.rows])


async def count(caller: Caller, query: NodePoolCount) -> CountView:
    """How many node pools there are."""
    return CountView(count=len(query.matching(await shown_pools(caller))))


async def read(caller: Caller, nodepool_id: str) -> NodePoolView:
    """One node pool."""
    return NodePoolView.of(await pool_of(caller, nodepool_id, "read"))


async def create(caller: Caller, body: NewNodePool) -> NodePoolView:
    """Make a node pool. It is empty until the data show a node of it."""
    cluster = await run_in_threadpool(cluster_of, caller, body.clusterId, "read")
    caller.require("create", RESOURCE, Place(cluster.tenant_id, cluster.id))
    placed = await run_in_threadpool(
        create_node_pool,
        caller.services.control,
        cluster,
        body.name,
        (body.labelKey, body.labelValue),
        body.given(),
        caller.actor.name,
    )
    caller.target.id, caller.target.name = placed.pool.id, placed.pool.name
    return NodePoolView.of(ShownPool(placed, ()))


async def replace(caller: Caller, nodepool_id: str, body: ChangedNodePool) -> NodePoolView:
    """Change a node pool's label, and replace its settings by those that are given."""
    shown = await pool_of(caller, nodepool_id, "update")
    return await changed(caller, shown, body, body.given())


async def update(caller: Caller, nodepool_id: str, body: ChangedNodePool) -> NodePoolView:
    """Change what is given of a node pool."""
    shown = await pool_of(caller, nodepool_id, "update")
    return await changed(caller, shown, body, shown.placed.pool.settings | body.given())


async def delete(caller: Caller, nodepool_id: str) -> None:
    """Delete a node pool that was made by the API and has no nodes, with the quotas of it."""
    shown = await pool_of(caller, nodepool_id, "delete")
    name = shown.placed.pool.name
    if shown.placed.is_found or shown.nodes:
        raise ApiError(409, f"node pool {name!r} is in the data, and stays as long as they are kept")
    await run_in_threadpool(delete_node_pool, caller.services.control, shown.placed.pool.id)


async def changed(caller: Caller, shown: ShownPool, body: ChangedNodePool, settings: dict[str, Any]) -> NodePoolView:
    placed = await run_in_threadpool(
        update_node_pool, caller.services.control, shown.placed.pool.id, body.label(), settings, caller.actor.name
    )
    return NodePoolView.of(ShownPool(placed, shown.nodes))


async def pool_of(caller: Caller, identifier: str, action: Action) -> ShownPool:
    """The node pool with an id, and its nodes.

    Raises:
        ApiError: 404, where there is none that the caller may see; 403, where it may not do that.
    """
    await run_in_threadpool(caller.services.discovery.run)
    placed = await run_in_threadpool(find_node_pool, caller.services.control, identifier.lower())
    (shown,) = seen(caller, [placed] if placed else [], await nodes_of(caller)) or (None,)
    if shown is None:
        raise ApiError(404, f"there is no node pool {identifier!r}, or you may not see it", "Resource id not found.")
    pool, cluster = shown.placed.pool, shown.placed.cluster
    caller.target.id, caller.target.name = pool.id, pool.name
    if action != "read" and not may(caller.actor, action, RESOURCE, Place(cluster.tenant_id, cluster.id)):
        raise ApiError(403, f"you do not have sufficient permissions: your roles do not allow to {action} it")
    return shown


async def shown_pools(caller: Caller) -> list[ShownPool]:
    await run_in_threadpool(caller.services.discovery.run)
    placed = await run_in_threadpool(list_node_pools, caller.services.control)
    return seen(caller, placed, await nodes_of(caller))


def seen(caller: Caller, placed: Sequence[PlacedPool], nodes: Sequence[Node]) -> list[ShownPool]:
    """What of some node pools the caller may see, with their nodes."""
    by_pool: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        if node.node_pool is not None:
            by_pool.setdefault((node.cluster, node.node_pool), []).append(node)
    shown = [ShownPool(each, tuple(by_pool.get((each.cluster.name, each.pool.name), ()))) for each in placed]
    scope = caller.actor.scope
    return [each for each in shown if each.nodes or scope.includes(each.placed.cluster.name, None)]
