"""Views: projects and departments as Run:ai's API tells them."""

from datetime import datetime
from typing import Any, Self

from metrics_api.endpoint import Complete
from metrics_api.org_units.resources import (
    PoolResourcesView,
    PoolView,
    TotalResources,
    view_resources,
    view_total,
)
from metrics_api.org_units.rows import READY, Row, percent
from queries.control.chart import Chart
from queries.present import Amounts


class AmountsView(Complete):
    """GPUs in devices, cpu in millicores, memory in MB; null where nothing is known."""

    gpu: float | None
    cpu: float | None
    memory: float | None

    @classmethod
    def of(cls, amounts: Amounts) -> Self:
        return cls(gpu=amounts.gpu, cpu=amounts.cpu, memory=amounts.memory)


class QuotaStatus(Complete):
    """What is allocated and requested now. allocatedNonPreemptible: only Run:ai's own scheduler knows it."""

    allocated: AmountsView
    allocatedNonPreemptible: AmountsView
    requested: AmountsView

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            allocated=AmountsView.of(row.figures.allocated(row.unit)),
            allocatedNonPreemptible=AmountsView.of(Amounts()),
            requested=AmountsView.of(row.figures.requested(row.unit)),
        )


class PoolStatus(Complete):
    nodePoolId: str
    nodePoolName: str
    allocated: AmountsView


class Average(Complete):
    """averageGpuAllocation: GPUs; the utilizations in percent, 0 to 100; null where nothing is known. updatedAt: the
    end of the range."""

    averageGpuAllocation: float | None
    averageGpuUtilization: float | None
    averageGpuMemoryUtilization: float | None
    updatedAt: datetime | None

    @classmethod
    def of(cls, row: Row, name: str) -> Self:
        average = row.figures.average(row.unit, name)
        told = row.figures.averages.get(name)
        return cls(
            averageGpuAllocation=average.gpus_allocated,
            averageGpuUtilization=percent(average.utilization),
            averageGpuMemoryUtilization=percent(average.memory_utilization),
            updatedAt=told.end if told else None,
        )


class OvertimeData(Complete):
    """The averages over the last day, week and month of whole hours, or over the life of what is younger."""

    range24hData: Average
    range7dData: Average
    range30dData: Average

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            range24hData=Average.of(row, "24h"),
            range7dData=Average.of(row, "7d"),
            range30dData=Average.of(row, "30d"),
        )


class ProjectStatus(Complete):
    namespace: str | None
    phase: str
    quotaStatus: QuotaStatus
    nodePoolQuotaStatuses: list[PoolStatus]


class ProjectView(Complete):
    """A project. parentId, parent: its department; null where it has none."""

    id: str
    name: str
    clusterId: str
    parentId: str | None
    parent: PoolView | None
    description: str
    enforceRunaiScheduler: bool
    requestedNamespace: str | None
    createdAt: datetime
    createdBy: str
    updatedAt: datetime
    updatedBy: str
    schedulingRules: dict[str, Any] | None
    defaultNodePools: list[str] | None
    nodeTypes: dict[str, Any] | None
    effective: dict[str, Any]
    totalResources: TotalResources
    resources: list[PoolResourcesView]
    status: ProjectStatus
    overtimeData: OvertimeData


class DepartmentStatus(Complete):
    quotaStatus: QuotaStatus
    nodePoolQuotaStatuses: list[PoolStatus]


class DepartmentView(Complete):
    """A department. children: its projects. resources: what it was given itself. totalResources: the same in all; GPUs,
    where it was given none, as the sum of its projects' quotas."""

    id: str
    name: str
    clusterId: str
    description: str
    createdAt: datetime
    createdBy: str
    updatedAt: datetime
    updatedBy: str
    schedulingRules: dict[str, Any] | None
    defaultNodePools: list[str] | None
    nodeTypes: dict[str, Any] | None
    effective: dict[str, Any]
    children: list[PoolView] | None
    totalResources: TotalResources
    resources: list[PoolResourcesView]
    status: DepartmentStatus
    overtimeData: OvertimeData | None


def view_project(chart: Chart, row: Row) -> ProjectView:
    unit, settings = row.unit, row.unit.row.settings
    return ProjectView(
        **common(chart, row),
        parentId=unit.place.department,
        parent=PoolView(id=unit.parent.id, name=unit.parent.name) if unit.parent else None,
        enforceRunaiScheduler=settings.get("enforceRunaiScheduler", False),
        requestedNamespace=settings.get("requestedNamespace"),
        status=ProjectStatus(
            namespace=settings.get("requestedNamespace"),
            phase=READY,
            quotaStatus=QuotaStatus.of(row),
            nodePoolQuotaStatuses=pool_statuses(chart, row),
        ),
        overtimeData=OvertimeData.of(row),
    )


def view_department(chart: Chart, row: Row, *, has_children: bool = True, has_averages: bool = True) -> DepartmentView:
    unit = row.unit
    children = [PoolView(id=each.id, name=each.row.name) for each in chart.children.get(unit.id, ())]
    return DepartmentView(
        **common(chart, row),
        children=children if has_children else None,
        status=DepartmentStatus(quotaStatus=QuotaStatus.of(row), nodePoolQuotaStatuses=pool_statuses(chart, row)),
        overtimeData=OvertimeData.of(row) if has_averages else None,
    )


def common(chart: Chart, row: Row) -> dict[str, Any]:
    """What projects and departments have alike."""
    unit = row.unit.row
    given = {name: unit.settings.get(name) for name in ("schedulingRules", "defaultNodePools", "nodeTypes")}
    return given | {
        "id": unit.id,
        "name": unit.name,
        "clusterId": unit.cluster_id,
        "description": unit.description,
        "createdAt": unit.created_at,
        "createdBy": unit.created_by,
        "updatedAt": unit.updated_at,
        "updatedBy": unit.updated_by,
        "effective": {name: value for name, value in given.items() if value is not None},
        "totalResources": view_total(row.unit, row.figures.gpu_quota(row.unit)),
        "resources": view_resources(chart, row.unit),
    }


def pool_statuses(chart: Chart, row: Row) -> list[PoolStatus]:
    """The GPUs of each node pool that the ledger shows it with."""
    pools = chart.pools_by_name.get(row.unit.cluster.id, {})
    held = row.figures.present.pools.get(row.unit.key, {})
    return [
        PoolStatus(nodePoolId=pools[name].id, nodePoolName=name, allocated=AmountsView.of(Amounts(gpus)))
        for name, gpus in sorted(held.items())
        if name in pools
    ]
