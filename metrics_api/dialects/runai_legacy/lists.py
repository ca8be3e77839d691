"""The lists of Run:ai's old control plane: clusters, and the projects, departments and node pools of one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from metrics_api.dialects.runai_legacy.numbers import id_of, number_of
from metrics_api.endpoint import Complete
from metrics_api.entities import not_found
from metrics_api.fleet.clusters import cluster_of, visible
from metrics_api.fleet.node_pools import ShownPool, shown_pools
from metrics_api.policy import may
from metrics_api.services import Caller
from queries.control.places import place_of_project
from queries.control.tables import AccessRule, Cluster, Department, NodePool, Project, Quota
from queries.departments import department_of
from queries.ids import department_id

UNLIMITED = -1

RESOURCES = ("gpu", "cpu", "memory")


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
    return await run_in_threadpool(lambda: list(Units.of(caller, cluster_uuid).projects()))


async def read_project(caller: Caller, cluster_uuid: str, project_id: str) -> ProjectRow:
    """One project; by its number, or by its id of today."""

    def found() -> ProjectRow:
        units, identifier = Units.of(caller, cluster_uuid), id_of(caller, Project, cluster_uuid, project_id)
        for project in units.rows:
            if project.id == identifier.lower():
                return units.project(project)
        raise not_found("project", project_id)

    return await run_in_threadpool(found)


async def list_departments(caller: Caller, cluster_uuid: str) -> list[DepartmentRow]:
    """The departments of a cluster, with the projects that they have today."""
    return await run_in_threadpool(lambda: list(Units.of(caller, cluster_uuid).departments()))


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
    """The projects and departments of a cluster, as far as the caller may see them, and what is said of them."""

    caller: Caller
    cluster: Cluster
    rows: Sequence[Project]
    parents: dict[str, Department]
    pools: dict[str, NodePool]
    quotas: dict[str, list[Quota]]
    rules: dict[str, list[AccessRule]]

    @classmethod
    def of(cls, caller: Caller, identifier: str) -> "Units":
        cluster = cluster_of(caller, identifier, "read")
        quotas, rules = defaultdict(list), defaultdict(list)
        with caller.services.control.session() as session:
            projects = session.scalars(select(Project).where(Project.cluster_id == cluster.id).order_by(Project.name))
            seen = [each for each in projects if caller.actor.scope.includes(cluster.name, each.name)]
            parents = session.scalars(select(Department).where(Department.cluster_id == cluster.id)).all()
            pools = session.scalars(select(NodePool).where(NodePool.cluster_id == cluster.id)).all()
            of_pools = Quota.node_pool_id.in_(select(NodePool.id).where(NodePool.cluster_id == cluster.id))
            for quota in session.scalars(select(Quota).where(of_pools)):
                quotas[quota.org_unit_id].append(quota)
            for rule in session.scalars(select(AccessRule).where(AccessRule.scope_type == "project")):
                rules[rule.scope_id].append(rule)
        named = ({each.id: each for each in parents}, {each.id: each for each in pools})
        return cls(caller, cluster, seen, *named, quotas, rules)

    def projects(self) -> Iterable[ProjectRow]:
        return map(self.project, self.rows)

    def departments(self) -> Iterable[DepartmentRow]:
        """Those of which the caller sees a project; all, where it sees the whole cluster."""
        is_whole = self.caller.actor.scope.includes(self.cluster.name, None)
        members = defaultdict(list)
        for project in self.rows:
            if parent := self.parent(project):
                members[parent.id].append(self.project(project))
        for each in sorted(self.parents.values(), key=lambda each: each.name):
            if is_whole or members[each.id]:
                yield DepartmentRow(projects=members[each.id], **self.common(each))

    def project(self, project: Project) -> ProjectRow:
        parent = self.parent(project)
        weights = [quota.over_quota_weight or 0 for quota in self.gpus(project)]
        return ProjectRow(
            departmentId=number_of(parent.id) if parent else None,
            departmentName=parent.name if parent else None,
            namespace=project.settings.get("requestedNamespace") or f"runai-{project.name}",
            gpuOverQuotaWeight=sum(weights),
            permissions=self.permissions(project),
            **self.common(project),
        )

    def common(self, unit: Project | Department) -> dict[str, Any]:
        gpus = self.gpus(unit)
        limits = [quota.limit for quota in gpus if quota.limit is not None and quota.limit >= 0]
        return {
            "id": number_of(unit.id),
            "name": unit.name,
            "tenantId": self.cluster.tenant_id,
            "clusterUuid": self.cluster.id,
            "createdAt": unit.created_at,
            "deservedGpus": sum(quota.deserved or 0 for quota in gpus),
            "maxAllowedGpus": sum(limits) if gpus and len(limits) == len(gpus) else UNLIMITED,
            "nodePoolsResources": self.resources(unit),
            "quotaStatuses": [],
        }

    def gpus(self, unit: Project | Department) -> list[Quota]:
        return [quota for quota in self.quotas.get(unit.id, ()) if quota.resource == "gpu"]

    def resources(self, unit: Project | Department) -> list[OldPoolResources]:
        told: dict[str, dict[str, Quota]] = {}
        for quota in self.quotas.get(unit.id, ()):
            told.setdefault(quota.node_pool_id, {})[quota.resource] = quota
        return [
            OldPoolResources.model_validate(
                {
                    "id": number_of(pool),
                    "nodePool": {"id": number_of(pool), "name": self.pools[pool].name},
                    **{name: resource_row(quotas.get(name)) for name in RESOURCES},
                }
            )
            for pool, quotas in told.items()
        ]

    def parent(self, project: Project) -> Department | None:
        """Where the API says it; otherwise the configuration file does."""
        if project.department_id:
            return self.parents.get(project.department_id)
        name = department_of(project.name, self.caller.services.settings.departments, datetime.now(UTC))
        return self.parents.get(department_id(self.cluster.name, name)) if name else None

    def permissions(self, project: Project) -> Permissions:
        place = place_of_project(project, self.cluster, self.caller.services.settings.departments)
        is_told = may(self.caller.actor, "read", "access_rules", place)
        subjects = defaultdict(list)
        for rule in self.rules.get(project.id, ()) if is_told else ():
            subjects[rule.subject_type].append(rule.subject_id)
        return Permissions(users=subjects["user"], groups=subjects["group"], applications=subjects["service-account"])


def resource_row(quota: Quota | None) -> ResourceRow:
    if quota is None:
        return ResourceRow(deserved=None, maxAllowed=None, overQuotaWeight=None)
    return ResourceRow(deserved=quota.deserved, maxAllowed=quota.limit, overQuotaWeight=quota.over_quota_weight)
