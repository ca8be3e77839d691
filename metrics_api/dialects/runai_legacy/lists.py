"""The lists of Run:ai's old control plane: clusters, and the projects, departments and node pools of one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from metrics_api.dialects.runai_legacy.numbers import id_of, number_of
from metrics_api.endpoint import Complete
from metrics_api.entities import not_found
from metrics_api.fleet.clusters import cluster_of, visible
from metrics_api.fleet.node_pools import ShownPool, shown_pools
from metrics_api.policy import may
from metrics_api.services import Caller
from queries.control.chart import Chart, Unit
from queries.control.quotas import NOTHING, RESOURCES, Amount
from queries.control.rules import list_rules
from queries.control.tables import AccessRule, Cluster, Project

UNLIMITED = -1


class ClusterRow(BaseModel):
    """A cluster, as the first version of the API had it; uuid and clusterUuid are the same."""

    uuid: str
    clusterUuid: str
    name: str
    tenantId: int
    createdAt: datetime
    description: str


class ResourceRow(Complete):
    deserved: float | None
    maxAllowed: float | None
    overQuotaWeight: float | None


class PoolName(BaseModel):
    id: int
    name: str


class OldPoolResources(BaseModel):
    id: int
    nodePool: PoolName
    gpu: ResourceRow
    cpu: ResourceRow
    memory: ResourceRow


class UnitRow(Complete):
    """What projects and departments have in common. maxAllowedGpus: -1 where there is no limit."""

    id: int
    name: str
    tenantId: int
    clusterUuid: str
    createdAt: datetime
    deservedGpus: float
    maxAllowedGpus: float
    nodePoolsResources: list[OldPoolResources]
    quotaStatuses: list[dict[str, Any]]


class Permissions(BaseModel):
    """Who has a role in the project itself; told to who may read access rules."""

    users: list[str]
    groups: list[str]
    applications: list[str]


class ProjectRow(UnitRow):
    departmentId: int | None
    departmentName: str | None
    namespace: str
    gpuOverQuotaWeight: float
    permissions: Permissions


class DepartmentRow(UnitRow):
    projects: list[ProjectRow]


class PoolRow(Complete):
    id: int
    name: str
    clusterId: str
    labelKey: str | None
    labelValue: str | None
    overProvisioningRatio: int
    status: str
    isDefault: bool
    nodes: str
    createdAt: datetime
    createdBy: str
    updatedAt: datetime
    updatedBy: str
    deletedAt: datetime | None = None


async def list_clusters(caller: Caller) -> list[ClusterRow]:
    """The clusters that the caller may see."""
    rows = await run_in_threadpool(visible, caller)
    return [
        ClusterRow(
            uuid=row.id,
            clusterUuid=row.id,
            name=row.name,
            tenantId=row.tenant_id,
            createdAt=row.created_at,
            description="",
        )
        for row in rows
        if not row.delete_requested_at
    ]


async def list_projects(caller: Caller, cluster_uuid: str) -> list[ProjectRow]:
    """The projects of a cluster."""
    units = await units_of(caller, cluster_uuid)
    return [units.project(each) for each in units.projects]


async def read_project(caller: Caller, cluster_uuid: str, project_id: str) -> ProjectRow:
    """One project; by its number, or by its id of today."""
    units = await units_of(caller, cluster_uuid)
    identifier = await run_in_threadpool(id_of, caller, Project, cluster_uuid, project_id)
    for each in units.projects:
        if each.id == identifier.lower():
            return units.project(each)
    raise not_found("project", project_id)


async def list_departments(caller: Caller, cluster_uuid: str) -> list[DepartmentRow]:
    """The departments of a cluster, with the projects that they have today."""
    return list((await units_of(caller, cluster_uuid)).departments())


async def list_node_pools(caller: Caller, cluster_uuid: str) -> list[PoolRow]:
    """The node pools of a cluster."""
    cluster = await run_in_threadpool(cluster_of, caller, cluster_uuid, "read")
    return [pool_row(shown) for shown in await shown_pools(caller) if shown.placed.cluster.id == cluster.id]


def pool_row(shown: ShownPool) -> PoolRow:
    pool = shown.placed.pool
    return PoolRow(
        id=number_of(pool.id),
        name=pool.name,
        clusterId=pool.cluster_id,
        labelKey=pool.label_key,
        labelValue=pool.label_value,
        overProvisioningRatio=pool.settings.get("overProvisioningRatio", 1),
        status=shown.phase,
        isDefault=pool.is_default,
        nodes=",".join(node.name for node in shown.nodes),
        createdAt=pool.created_at,
        createdBy=pool.created_by,
        updatedAt=pool.updated_at,
        updatedBy=pool.updated_by,
    )


@dataclass(frozen=True)
class Units:
    """The projects and departments of a cluster, as far as the caller may see them, and who may use the projects."""

    caller: Caller
    chart: Chart
    cluster: Cluster
    rules: Mapping[str, Sequence[AccessRule]]

    @property
    def projects(self) -> list[Unit]:
        scope = self.caller.actor.scope
        units = self.chart.project_units.values()
        return [each for each in units if each.cluster.id == self.cluster.id and scope.includes(*each.key)]

    def departments(self) -> Iterable[DepartmentRow]:
        """Those of which the caller sees a project; all, where it sees the whole cluster."""
        is_whole = self.caller.actor.scope.includes(self.cluster.name, None)
        members = defaultdict(list)
        for each in self.projects:
            members[each.parent and each.parent.id].append(self.project(each))
        for each in self.chart.department_units.values():
            if each.cluster.id == self.cluster.id and (is_whole or members[each.id]):
                yield DepartmentRow(projects=members[each.id], **self.common(each))

    def project(self, unit: Unit) -> ProjectRow:
        return ProjectRow(
            departmentId=number_of(unit.parent.id) if unit.parent else None,
            departmentName=unit.parent.name if unit.parent else None,
            namespace=unit.row.settings.get("requestedNamespace") or f"runai-{unit.row.name}",
            gpuOverQuotaWeight=sum(each.over_quota_weight or 0 for each in gpus_of(unit)),
            permissions=self.permissions(unit),
            **self.common(unit),
        )

    def common(self, unit: Unit) -> dict[str, Any]:
        limits = [each.limit for each in gpus_of(unit)]
        bounds = [limit for limit in limits if limit is not None and limit >= 0]
        return {
            "id": number_of(unit.id),
            "name": unit.row.name,
            "tenantId": unit.cluster.tenant_id,
            "clusterUuid": unit.cluster.id,
            "createdAt": unit.row.created_at,
            "deservedGpus": unit.gpu_quota or 0,
            "maxAllowedGpus": sum(bounds) if limits and len(bounds) == len(limits) else UNLIMITED,
            "nodePoolsResources": self.resources(unit),
            "quotaStatuses": [],
        }

    def resources(self, unit: Unit) -> list[OldPoolResources]:
        pools = dict.fromkeys(pool for pool, _ in unit.amounts if pool in self.chart.node_pools)
        return [
            OldPoolResources(
                id=number_of(pool),
                nodePool=PoolName(id=number_of(pool), name=self.chart.node_pools[pool].name),
                **{name: resource_row(unit.amounts.get((pool, name), NOTHING)) for name in RESOURCES},
            )
            for pool in pools
        ]

    def permissions(self, unit: Unit) -> Permissions:
        is_told = may(self.caller.actor, "read", "access_rules", unit.place)
        subjects = defaultdict(list)
        for rule in self.rules.get(unit.id, ()) if is_told else ():
            subjects[rule.subject_type].append(rule.subject_id)
        return Permissions(users=subjects["user"], groups=subjects["group"], applications=subjects["service-account"])


async def units_of(caller: Caller, identifier: str) -> Units:
    """Raises:
    ApiError: 404, where there is no such cluster that the caller may see.
    """
    cluster = await run_in_threadpool(cluster_of, caller, identifier, "read")
    rules = defaultdict(list)
    for rule in await run_in_threadpool(list_rules, caller.services.control, cluster.tenant_id):
        if rule.scope_type == "project":
            rules[rule.scope_id].append(rule)
    return Units(caller, await caller.services.chart(), cluster, rules)


def gpus_of(unit: Unit) -> list[Amount]:
    return [amount for (_, resource), amount in unit.amounts.items() if resource == "gpu"]


def resource_row(amount: Amount) -> ResourceRow:
    return ResourceRow(deserved=amount.deserved, maxAllowed=amount.limit, overQuotaWeight=amount.over_quota_weight)
