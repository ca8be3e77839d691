"""Pods as Run:ai's API tells of them: those that hold GPUs, or held them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field
from starlette.responses import Response

from metrics_api.endpoint import Produces
from metrics_api.listing import ListQuery, read_member
from metrics_api.services import Caller
from metrics_api.workloads.lists import PodCountQuery, PodsQuery, Row, ask, ask_page, count
from metrics_api.workloads.workloads import AllocatedView, CountView, find_workload, k8s_phase, known_only, told
from queries.rosters.columns import Listing

COMPLETED = {"true": ["completed_at is not null"], "false": ["completed_at is null"], "all": []}


def one_of(*names: str) -> BeforeValidator:
    return BeforeValidator(lambda written: read_member(str(written), names) if written else names[-1])


class AllPodsQuery(PodsQuery):
    verbosity: Annotated[Literal["full", "brief"], one_of("full", "brief")] = Field(
        "brief", description="With full, workloadName and projectName are told."
    )
    completed: Annotated[Literal["true", "false", "all"], one_of("true", "false", "all")] = Field(
        "all", description="Only those that hold GPUs no more, or only those that do."
    )


class WorkloadPodsQuery(PodsQuery):
    """Which pods of a workload, in which order."""


class ContainerView(BaseModel):
    name: str
    image: str


class PodView(BaseModel):
    """A pod. containers: always empty, since their names are not collected. createdAt and completedAt: the
    beginning and the end of the hours in which it held GPUs."""

    tenantId: int
    clusterId: str
    id: str
    name: str
    workloadId: str
    workloadName: str | None = None
    projectId: str | None = None
    projectName: str | None = None
    nodeName: str | None = None
    currentNodePool: str | None = None
    allocatedResources: AllocatedView | None = None
    containers: list[ContainerView]
    k8sPhase: Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]
    k8sPhaseUpdatedAt: datetime
    priorityClassName: str
    createdAt: datetime
    updatedAt: datetime
    completedAt: datetime | None = None


class PodsView(BaseModel):
    """A page of pods. next: where the next one begins; absent at the end."""

    pods: list[PodView]
    next: int | None = None


Pods = Annotated[Response, Produces(PodsView)]


async def list_pods(caller: Caller, query: AllPodsQuery) -> Pods:
    """The pods that hold GPUs, or held them. Those that never ran are not kept."""
    further = [*COMPLETED[query.completed], *deleted(query.deleted)]
    return await page(caller, query, further, {}, query.verbosity == "full")


async def count_pods(caller: Caller, query: PodCountQuery) -> CountView:
    """How many pods there are."""
    return CountView(count=await count(caller, "pods", query, deleted(query.deleted)))


async def list_of_workload(caller: Caller, query: WorkloadPodsQuery, workload_id: str) -> Pods:
    """The pods of one workload that hold GPUs, or held them."""
    workload = await find_workload(caller, workload_id)
    further = ["workload_id = $workload_id", *deleted(query.deleted)]
    return await page(caller, query, further, {"workload_id": workload["id"]}, is_full=True)


async def page(caller: Caller, query: ListQuery, further: list[str], values: dict[str, Any], is_full: bool) -> Response:
    rows, following = await ask_page(caller, "pods", query, further, values)
    workloads = await workloads_of(caller, rows)
    pods = [view(row, workloads.get(row["workload_id"]), caller, is_full) for row in rows]
    return told({"pods": pods} | ({"next": following} if following else {}))


async def workloads_of(caller: Caller, rows: list[Row]) -> dict[str, Row]:
    """The workloads of some pods, by their ids."""
    ids = list(dict.fromkeys(row["workload_id"] for row in rows))
    if not ids:
        return {}
    found = await ask(caller, "workloads", Listing(), ["array_contains($ids, id)"], {"ids": ids}, limit=len(ids))
    return {row["id"]: row for row in found}


def deleted(is_asked: bool) -> list[str]:
    """Of pods it is not known that they were deleted."""
    return ["unknown_time is not null"] if is_asked else []


def view(row: Row, workload: Row | None, caller: Caller, is_full: bool) -> dict[str, Any]:
    """As PodView."""
    is_running = row["is_running"]
    completed = row["completed_at"]
    required = {
        "tenantId": caller.actor.tenant_id,
        "clusterId": row["cluster_id"],
        "id": row["id"],
        "name": row["name"],
        "workloadId": row["workload_id"],
        "containers": [],
        "k8sPhase": "Running" if is_running else phase_after(workload),
        "k8sPhaseUpdatedAt": completed or row["created_at"],
        "priorityClassName": "",
        "createdAt": row["created_at"],
        "updatedAt": completed or row["created_at"],
    }
    names = {"workloadName": row["workload"], "projectName": row["project"]} if is_full else {}
    optional = {
        "projectId": row["project_id"],
        "nodeName": row["node"],
        "currentNodePool": row["current_node_pool"],
        "allocatedResources": None if row["allocated_gpus"] is None else {"gpu": row["allocated_gpus"]},
        "completedAt": completed,
    }
    return required | known_only(names | optional)


def phase_after(workload: Row | None) -> str:
    """Of a pod that holds nothing any more. How it ended is known where its workload did."""
    return "Unknown" if workload is None or workload["phase"] == "Running" else k8s_phase(workload["phase"])
