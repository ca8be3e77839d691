"""Workloads as Run:ai's API tells of them: a page of them, how many there are, one."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel
from starlette.responses import Response

from metrics_api.endpoint import Produces
from metrics_api.entities import not_found
from metrics_api.services import Caller
from metrics_api.workloads.lists import Row, WorkloadCountQuery, WorkloadsQuery, ask, ask_page, count
from queries.entities import is_id
from queries.rosters.columns import Listing

Phase = Literal[
    "Creating",
    "Initializing",
    "Resuming",
    "Pending",
    "Deleting",
    "Running",
    "Updating",
    "Stopped",
    "Stopping",
    "Degraded",
    "Failed",
    "Completed",
    "Terminating",
    "Unknown",
]

K8S_PHASES = {
    "Running": "Running",
    "Pending": "Pending",
    "Creating": "Pending",
    "Initializing": "Pending",
    "Completed": "Succeeded",
}
"""Of the pods of a workload in a phase; ``Failed`` of one that failed, and what was deleted has none."""


class CoresView(BaseModel):
    request: float | None = None


class QuantityView(BaseModel):
    request: str | None = None


class RequestedView(BaseModel):
    """What was requested. cpuMemory: bytes."""

    gpuRequestType: Literal["portion"] | None = None
    gpu: CoresView | None = None
    cpu: CoresView | None = None
    cpuMemory: QuantityView | None = None


class AllocatedView(BaseModel):
    """What is held now, in GPUs; processor cores and bytes of memory are those that were requested."""

    gpu: float | None = None
    cpu: float | None = None
    cpuMemory: str | None = None


class ConditionView(BaseModel):
    type: str
    status: str


class WorkloadView(BaseModel):
    """A workload. What is not known of it is left out, or empty where Run:ai requires a text."""

    tenantId: int
    clusterId: str
    id: str
    name: str
    namespace: str
    type: str
    category: Literal["Train", "Build", "Deploy"]
    projectId: str
    projectName: str
    departmentId: str
    departmentName: str
    source: Literal["CLI", "Control-plane", "Other"]
    phase: Phase
    phaseUpdatedAt: datetime
    phaseMessage: str | None = None
    k8sPhase: str
    k8sPhaseUpdatedAt: datetime
    conditions: list[ConditionView]
    priority: int | None
    priorityClassName: str
    createdAt: datetime
    updatedAt: datetime
    deletedAt: datetime | None
    completedAt: datetime | None = None
    submittedBy: str | None = None
    distributedFramework: str | None = None
    images: list[str] | None = None
    workloadRequestedResources: RequestedView | None = None
    allocatedResources: AllocatedView | None = None
    currentNodePools: list[str] | None = None
    runningPods: int
    idleGpus: int | None = None
    idleAllocatedGpus: float | None = None
    totalPendingTimeSeconds: int | None = None
    totalRunningTimeSeconds: int | None = None


class WorkloadsView(BaseModel):
    """A page of workloads. next: where the next one begins; absent at the end."""

    workloads: list[WorkloadView]
    next: int | None = None


class CountView(BaseModel):
    count: int


async def list_workloads(caller: Caller, query: WorkloadsQuery) -> Annotated[Response, Produces(WorkloadsView)]:
    """The workloads that wait, run, or ran, each in the state that was told last, with what it holds of GPUs now.
    Without ``sortBy``, the oldest come first."""
    rows, following = await ask_page(caller, "workloads", query, [deleted(query.deleted)])
    return told({"workloads": [view(row, caller) for row in rows]} | ({"next": following} if following else {}))


async def count_workloads(caller: Caller, query: WorkloadCountQuery) -> CountView:
    """How many workloads there are."""
    return CountView(count=await count(caller, "workloads", query, [deleted(query.deleted)]))


async def read_workload(caller: Caller, workload_id: str) -> Annotated[Response, Produces(WorkloadView)]:
    """One workload, also where it was deleted."""
    return told(view(await find_workload(caller, workload_id), caller))


async def find_workload(caller: Caller, workload_id: str) -> Row:
    """Raises:
    ApiError: 404, where there is none with this id that the caller may see.
    """
    sought = workload_id.lower()
    if is_id(sought):
        for row in await ask(caller, "workloads", Listing(), ["id = $id"], {"id": sought}, limit=1):
            return row
    raise not_found("workload", workload_id)


def deleted(is_asked: bool) -> str:
    return "deleted_at is not null" if is_asked else "deleted_at is null"


def told(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


def view(row: Row, caller: Caller) -> dict[str, Any]:
    """As WorkloadView."""
    required = {
        "tenantId": caller.actor.tenant_id,
        "clusterId": row["cluster_id"],
        "id": row["id"],
        "name": row["name"],
        "namespace": row["namespace"],
        "type": row["type"],
        "category": row["category"],
        "projectId": row["project_id"] or "",
        "projectName": row["project"] or "",
        "departmentId": row["department_id"] or "",
        "departmentName": row["department"] or "",
        "source": "Other",
        "phase": row["phase"],
        "phaseUpdatedAt": row["changed_at"],
        "k8sPhase": k8s_phase(row["phase"]),
        "k8sPhaseUpdatedAt": row["changed_at"],
        "conditions": [],
        "priority": None,
        "priorityClassName": "",
        "createdAt": row["created_at"],
        "updatedAt": row["changed_at"],
        "deletedAt": row["deleted_at"],
        "runningPods": row["running_pods"],
    }
    idle = row["idle_gpus"]
    optional = {
        "phaseMessage": row["reason"],
        "completedAt": row["completed_at"],
        "submittedBy": row["user"],
        "distributedFramework": row["distributed_framework"],
        "images": row["images"] or None,
        "workloadRequestedResources": requested(row),
        "allocatedResources": allocated(row),
        "currentNodePools": sorted(row["node_pools"] or ()),
        "idleGpus": None if idle is None else int(idle),
        "idleAllocatedGpus": idle,
        "totalPendingTimeSeconds": whole(row["pending_seconds"]),
        "totalRunningTimeSeconds": whole(row["running_seconds"]),
    }
    return required | known_only(optional)


def requested(row: Row) -> dict[str, Any] | None:
    gpus, cores, memory = (row[name] for name in ("requested_gpus", "cpu_cores_requested", "memory_bytes_requested"))
    told_of = {
        "gpuRequestType": "portion" if gpus else None,
        "gpu": {"request": gpus} if gpus else None,
        "cpu": {"request": cores} if cores else None,
        "cpuMemory": {"request": str(int(memory))} if memory else None,
    }
    return known_only(told_of) or None


def allocated(row: Row) -> dict[str, Any] | None:
    is_running, memory = row["phase"] == "Running", row["memory_bytes_requested"]
    told_of = {
        "gpu": row["allocated_gpus"],
        "cpu": row["cpu_cores_requested"] if is_running else None,
        "cpuMemory": str(int(memory)) if is_running and memory else None,
    }
    return known_only(told_of) or None


def k8s_phase(phase: str) -> str:
    return K8S_PHASES.get(phase, "Failed" if phase == "Failed" else "Unknown")


def whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)


def known_only(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
