"""Resources: what a project or department may have of each node pool, as it is given and as it is told."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from sqlalchemy.orm import Session

from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from queries.control.chart import Chart, Unit
from queries.control.organisation import add_missing, stamps
from queries.control.quotas import NOTHING, RESOURCES, Amount, Key
from queries.control.tables import Cluster, NodePool
from queries.dated import EARLIEST
from queries.ids import node_pool_id

DEFAULT_POOL = "default"

UNLIMITED = -1

MOST = 1e12

MEGABYTE = 1e6


class Pool(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    name: str | None = None


class ResourceBody(BaseModel):
    """deserved: the quota; limit: what may be had in all, where -1 is no limit."""

    model_config = ConfigDict(extra="forbid")

    deserved: float | None = Field(None, ge=UNLIMITED, le=MOST, allow_inf_nan=False)
    limit: float | None = Field(None, ge=UNLIMITED, le=MOST, allow_inf_nan=False)
    overQuotaWeight: float | None = Field(None, ge=0, le=MOST, allow_inf_nan=False)

    @property
    def amount(self) -> Amount:
        return Amount(self.deserved, self.limit, self.overQuotaWeight)


class MemoryBody(ResourceBody):
    units: Literal["Mib", "MB", "GB"]

    @property
    def amount(self) -> Amount:
        given = super().amount
        return given if given == NOTHING else Amount(self.deserved, self.limit, self.overQuotaWeight, self.units)


class PoolResources(BaseModel):
    """What may be had of a node pool; without one, of the cluster's default."""

    model_config = ConfigDict(extra="forbid")

    nodePool: Pool | None = None
    gpu: ResourceBody | None = None
    cpu: ResourceBody | None = None
    memory: MemoryBody | None = None
    priority: str | None = Field(None, description="Taken, and of no effect: nothing is scheduled here.")

    def amounts(self) -> dict[str, Amount]:
        """By the resource; those that are spoken of."""
        given = {"gpu": self.gpu, "cpu": self.cpu, "memory": self.memory}
        return {name: body.amount for name, body in given.items() if body}


class ResourceList(RootModel[tuple[PoolResources, ...]]):
    @model_validator(mode="after")
    def names_each_pool_once(self) -> Self:
        check_pools(self.root)
        return self


def check_pools(resources: Sequence[PoolResources]) -> None:
    """Raises:
    ValueError: two of them are of the same node pool.
    """
    pools = [each.nodePool.id if each.nodePool else "" for each in resources]
    twice = next((pool for pool in pools if pools.count(pool) > 1), None)
    if twice is not None:
        raise ValueError(f"resources: node pool {twice or DEFAULT_POOL!r} is there twice; name each once")


def amounts_of(session: Session, cluster: Cluster, resources: Sequence[PoolResources]) -> dict[Key, Amount]:
    """What was given, by node pool and resource.

    Raises:
        ApiError: 400, the cluster has no such node pool.
    """
    found: dict[Key, Amount] = {}
    for each in resources:
        pool = pool_of(session, cluster, each.nodePool)
        found |= {(pool, name): amount for name, amount in each.amounts().items()}
    return found


def pool_of(session: Session, cluster: Cluster, given: Pool | None) -> str:
    default = node_pool_id(cluster.name, DEFAULT_POOL)
    if given is None or given.id in (default, DEFAULT_POOL):
        row = {"id": default, "cluster_id": cluster.id, "name": DEFAULT_POOL, "is_default": True, "settings": {}}
        add_missing(session, NodePool, [row | stamps(EARLIEST)])
        return default
    pool = session.get(NodePool, given.id)
    if pool is None or pool.cluster_id != cluster.id:
        raise ApiError(
            400,
            f"field 'resources.nodePool.id' = {given.id!r}: cluster {cluster.name!r} has no such node pool; ids are at"
            " /api/v1/node-pools",
        )
    return pool.id


class ResourceView(Complete):
    deserved: float | None = None
    limit: float | None = None
    overQuotaWeight: float | None = None

    @classmethod
    def of(cls, amount: Amount) -> Self:
        return cls(deserved=amount.deserved, limit=amount.limit, overQuotaWeight=amount.over_quota_weight)


class MemoryView(ResourceView):
    units: str = "MB"

    @classmethod
    def of(cls, amount: Amount) -> Self:
        return cls(**ResourceView.of(amount).model_dump(), units=amount.units or "MB")


class PoolView(Complete):
    id: str
    name: str


class PoolResourcesView(Complete):
    nodePool: PoolView
    gpu: ResourceView
    cpu: ResourceView
    memory: MemoryView


class TotalResources(Complete):
    """Of all node pools: GPUs in devices, cpu in millicores, memory in MB; null where nobody said."""

    gpuQuota: float | None
    cpuQuota: float | None
    memoryQuota: float | None


def view_resources(chart: Chart, unit: Unit) -> list[PoolResourcesView]:
    by_pool: dict[str, dict[str, Amount]] = {}
    for (pool, name), amount in unit.amounts.items():
        by_pool.setdefault(pool, {})[name] = amount
    pools = sorted(
        (chart.node_pools[pool] for pool in by_pool if pool in chart.node_pools),
        key=lambda pool: (not pool.is_default, pool.name),
    )
    return [view_pool(pool, by_pool[pool.id]) for pool in pools]


def view_pool(pool: NodePool, amounts: Mapping[str, Amount]) -> PoolResourcesView:
    gpu, cpu, memory = (amounts.get(name, NOTHING) for name in RESOURCES)
    return PoolResourcesView(
        nodePool=PoolView(id=pool.id, name=pool.name),
        gpu=ResourceView.of(gpu),
        cpu=ResourceView.of(cpu),
        memory=MemoryView.of(memory),
    )


def view_total(unit: Unit, gpu_quota: float | None) -> TotalResources:
    memory = unit.total("memory")
    return TotalResources(
        gpuQuota=gpu_quota,
        cpuQuota=unit.total("cpu"),
        memoryQuota=None if memory is None else memory / MEGABYTE,
    )
