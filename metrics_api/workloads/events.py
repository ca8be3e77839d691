"""Events: how the state of a workload changed."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from metrics_api.asking import asker_of
from metrics_api.endpoint import Produces
from metrics_api.listing import read_member
from metrics_api.services import Caller
from metrics_api.workloads.lists import Row
from metrics_api.workloads.workloads import Phase, find_workload, told
from queries.ids import Kind
from queries.rosters.changes import Lived, changes_of
from queries.stop import Stop

EVENT = Kind("event", ("workload", "time", "state"))

REASONS = {
    "submitted": "Submitted",
    "pending": "Pending",
    "initializing": "Scheduled",
    "running": "Started",
    "ended": "Ended",
}

MESSAGES = {
    "submitted": "The workload was submitted",
    "pending": "The workload waits for its pods to run",
    "initializing": "The first pod of the workload has a node, and holds its GPUs",
    "running": "The first pod of the workload runs",
    "ended": "The last pod of the workload is over",
}

SOURCE = "metrics-api"

Order = Annotated[Literal["asc", "desc"], BeforeValidator(lambda written: read_member(str(written), ["asc", "desc"]))]


class HistoryQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: int = Field(0, ge=0, le=2**31, description="How many are left out at the beginning.")
    limit: int = Field(50, ge=1, le=500, description="How many there are at the most.")


class EventsQuery(HistoryQuery):
    sortOrder: Order = "desc"


class InvolvedView(BaseModel):
    """uid: of the workload, as this API has it."""

    uid: str
    kind: str
    name: str
    namespace: str


class EventView(BaseModel):
    id: str
    createdAt: datetime
    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    source: str
    clusterId: str
    involvedObject: InvolvedView


class EventsView(BaseModel):
    """A page of events. next: where the next one begins; absent at the end."""

    events: list[EventView]
    next: int | None = None


class MetaView(BaseModel):
    type: Literal["Event", "PhaseUpdate"]
    creationTimestamp: datetime


class PhaseUpdateView(BaseModel):
    phase: Phase
    phaseMessage: str


class SpecView(BaseModel):
    phaseUpdate: PhaseUpdateView


class RecordView(BaseModel):
    meta: MetaView
    spec: SpecView


class HistoryView(BaseModel):
    """A page of records. next: where the next one begins; absent at the end."""

    records: list[RecordView]
    next: int | None = None


async def list_events(
    caller: Caller, query: EventsQuery, workload_id: str
) -> Annotated[Response, Produces(EventsView)]:
    """When a workload was submitted, waited, began to run and ended, the last time that it was started: the newest
    first."""
    return await page(caller, query, query.sortOrder, workload_id, "events", event)


async def list_history(
    caller: Caller, query: HistoryQuery, workload_id: str
) -> Annotated[Response, Produces(HistoryView)]:
    """The phases that a workload has been in, the last time that it was started: the newest first."""
    return await page(caller, query, "desc", workload_id, "records", record)


async def page(
    caller: Caller, query: HistoryQuery, order: str, workload_id: str, name: str, view: Callable[[Row, Row], Row]
) -> Response:
    workload = await find_workload(caller, workload_id)
    asker, rows = await asker_of(caller), caller.services.settings.limits.rows
    lived = Lived(
        workload["cluster"], workload["type"], workload["name"], workload["namespace"], workload["created_at"]
    )
    ask = partial(changes_of, lived=lived, order=order, offset=query.offset, limit=query.limit + 1)

    def work(stop: Stop) -> list[Row]:
        found: list[Row] = ask(asker.within(stop, rows)).to_pylist()
        return found

    found = await caller.services.pool.answer(caller.who, work, is_short=True)
    body: dict[str, Any] = {name: [view(row, workload) for row in found[: query.limit]]}
    return told(body | ({"next": query.offset + query.limit} if len(found) > query.limit else {}))


def event(row: Row, workload: Row) -> Row:
    """As EventView."""
    return {
        "id": EVENT.id(workload["id"], row["time"].astimezone(UTC).isoformat(), row["state"]),
        "createdAt": row["time"],
        "type": "Warning" if row["phase"] == "Failed" else "Normal",
        "reason": row["reason"] or REASONS[row["state"]],
        "message": message(row),
        "source": SOURCE,
        "clusterId": workload["cluster_id"],
        "involvedObject": {
            "uid": workload["id"],
            "kind": workload["type"],
            "name": workload["name"],
            "namespace": workload["namespace"],
        },
    }


def record(row: Row, _: Row) -> Row:
    """As RecordView."""
    return {
        "meta": {"type": "PhaseUpdate", "creationTimestamp": row["time"]},
        "spec": {"phaseUpdate": {"phase": row["phase"], "phaseMessage": message(row)}},
    }


def message(row: Row) -> str:
    return f"{MESSAGES[row['state']]}: {row['reason']}" if row["reason"] else MESSAGES[row["state"]]
