"""Clusters: which there are, how fresh and complete what is known of each is, and how its collection goes; registered
and deleted by the API, collected without a restart."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from metrics_api.endpoint import Produces
from metrics_api.errors import ApiError, Error
from metrics_api.fleet.source import Given, collection_of, told_of
from metrics_api.policy import may
from metrics_api.services import Caller
from queries.collection import Kind, Runs
from queries.control.clusters import (
    TAKEN,
    NewCluster,
    delete_cluster,
    find_cluster,
    list_clusters,
    register_cluster,
    update_cluster,
)
from queries.control.database import NameTakenError
from queries.control.roles import Action
from queries.control.rules import Place
from queries.control.tables import Cluster
from queries.freshness import Freshness, freshness
from queries.ids import cluster_id
from queries.question import ClusterState
from queries.settings import CLUSTER_NAME

RESOURCE = "cluster"

State = Literal["WaitingToConnect", "Connected", "Disconnected", "MissingPrerequisites", "ServiceIssues", "Unknown"]

STATES: dict[str, State] = {
    "ok": "Connected",
    "late": "Disconnected",
    "never": "WaitingToConnect",
    "deleted": "Disconnected",
}
"""What Run:ai calls how fresh a cluster is."""

PROMETHEUS = (
    "Where it is collected from: the address of its Prometheus; or an object with url and any of the keys that a"
    " cluster of the configuration file has (step, match, labels, basic_auth, bearer_token, headers, ca, ...)."
    " Secrets are named, as env:NAME or file:/path, never told."
)


class RunView(BaseModel):
    """The last run of a cluster's collector: at the open hour (live), at hours that were missing (fill), or at hours
    that were collected before (correction)."""

    kind: Kind
    success: bool
    started_at: datetime
    duration_seconds: float
    window_start: datetime
    window_end: datetime
    samples_read: int
    bytes_read: int
    hours_written: int
    rows_written: int
    warnings: tuple[str, ...]


class FailureView(BaseModel):
    """The last run that failed, and why."""

    kind: Kind
    failed_at: datetime
    error: str


class CollectionView(BaseModel):
    """How fresh and complete what is known of a cluster is. status: ok, late (collected more than five minutes ago),
    never (nothing was collected yet), or deleted (it is collected no more)."""

    status: Literal["ok", "late", "never", "deleted"]
    collected_until: datetime | None = None
    lag_seconds: float | None = Field(None, description="How long ago it was collected until.")
    hours_missing: int | None = Field(
        None, description="The hours of the backfill that are over and were not collected to their end."
    )
    coverage_24h: float | None = Field(
        None, description="The share of the last day's capacity, 0 to 1, whose utilization was measured."
    )
    last_run: RunView | None = None
    last_failure: FailureView | None = None

    @classmethod
    def of(cls, cluster: Freshness) -> "CollectionView":
        return cls(
            status=cluster.state.status,
            collected_until=cluster.state.collected_until,
            lag_seconds=cluster.lag_seconds,
            hours_missing=cluster.hours_missing,
            coverage_24h=cluster.coverage,
            last_run=cluster.last_run and view_run(cluster.last_run),
            last_failure=cluster.last_failure and view_failure(cluster.last_failure),
        )


class StatusView(BaseModel):
    """Connected: collected within the last five minutes; Disconnected: longer ago; WaitingToConnect: not yet."""

    state: State


class ClusterView(BaseModel):
    """A cluster as Run:ai has it; collection, and (told to who may change it) prometheus are ours."""

    uuid: str
    tenantId: int
    name: str
    createdAt: datetime
    updatedAt: datetime
    domain: str | None = None
    version: str | None = None
    status: StatusView | None = None
    lastLiveness: datetime | None = Field(None, description="Until when it was collected.")
    deleteRequestedAt: datetime | None = None
    deletedAt: datetime | None = None
    collection: CollectionView | None = None
    prometheus: dict[str, Any] | None = Field(
        None, description="Where it is collected from, where the API says so; secrets by reference."
    )

    @classmethod
    def of(
        cls, row: Cluster, known: Freshness | None = None, is_full: bool = False, with_source: bool = False
    ) -> "ClusterView":
        """known: what the lake knows of it, if anything. is_full: whether that is told."""
        found = known or Freshness(ClusterState(row.name, "deleted" if row.delete_requested_at else "never", None))
        return cls(
            uuid=row.id,
            tenantId=row.tenant_id,
            name=row.name,
            createdAt=row.created_at,
            updatedAt=row.updated_at,
            domain=row.domain,
            version=row.version,
            status=StatusView(state=STATES[found.state.status]) if is_full else None,
            lastLiveness=found.state.collected_until,
            deleteRequestedAt=row.delete_requested_at,
            deletedAt=row.delete_requested_at,
            collection=CollectionView.of(found) if is_full else None,
            prometheus=told_of(row.collection) if row.collection and with_source else None,
        )


class Verbose(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    verbosity: Literal["full", "metadata"] = Field("full", description="metadata: without status and collection.")


class ClustersQuery(Verbose):
    includeRequestedForDelete: bool = Field(False, description="Also those that are deleted.")


class DeleteQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    force: bool = Field(False, description="Changes nothing but the answer's status: 204 in the place of 202.")


class NewClusterBody(BaseModel):
    """A cluster, and where its Prometheus is; without that it is not collected until it is changed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "gamma",
                    "prometheus": {
                        "url": "https://prometheus.gamma.example.com",
                        "bearer_token": "env:CLUSTER_SECRET_GAMMA",
                        "step": "30s",
                    },
                }
            ]
        },
    )

    name: str = Field(pattern=CLUSTER_NAME, description="As it is called everywhere, for ever.")
    domain: str | None = Field(None, max_length=255)
    version: str | None = Field(None, max_length=50)
    prometheus: Given | None = Field(None, description=PROMETHEUS)


class ChangedCluster(BaseModel):
    """What changes. A cluster keeps its name: it is the ledger's, and its id follows from it."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, description="The name that it has.")
    domain: str | None = Field(None, max_length=255)
    version: str | None = Field(None, max_length=50)
    prometheus: Given | None = Field(None, description=PROMETHEUS)


Deleted = Annotated[Response, Produces(Error, also=(204,))]


async def list_all(caller: Caller, query: ClustersQuery) -> list[ClusterView]:
    """The clusters that are configured, registered, or known to the lake: until when each was collected, what is
    missing of it, and how its collection goes."""
    return await run_in_threadpool(views, caller, query.verbosity == "full", query.includeRequestedForDelete)


async def read(caller: Caller, cluster_uuid: str, query: Verbose) -> ClusterView:
    """One cluster, also one that is deleted."""
    row = await run_in_threadpool(cluster_of, caller, cluster_uuid, "read", True)
    return await run_in_threadpool(view, caller, row, query.verbosity == "full")


async def create(caller: Caller, body: NewClusterBody) -> ClusterView:
    """Register a cluster. Its collection begins within seconds. One of the same name that was deleted is continued, and
    so is its past."""
    caller.require("create", RESOURCE)
    collection = collection_of(caller, body.name, body.prometheus) if body.prometheus is not None else None
    new = NewCluster(body.name, caller.actor.tenant_id, caller.actor.name, body.domain, body.version, collection)
    row = await run_in_threadpool(register, caller, new)
    caller.target.id, caller.target.name = row.id, row.name
    return ClusterView.of(row, with_source=True)


async def update(caller: Caller, cluster_uuid: str, body: ChangedCluster) -> None:
    """Change where a cluster is collected from, its domain or version. How it is collected is replaced as a whole."""
    row = await run_in_threadpool(cluster_of, caller, cluster_uuid, "update")
    if body.name not in (None, row.name):
        raise ApiError(
            400,
            f"name = {body.name!r}: a cluster keeps its name, {row.name!r}: what was booked is booked by it, and its id"
            " follows from it; register another",
        )
    changed: dict[str, Any] = {key: getattr(body, key) for key in body.model_fields_set & {"domain", "version"}}
    if body.prometheus is not None:
        refuse_configured(caller, row)
        changed["collection"] = collection_of(caller, row.name, body.prometheus)
    await run_in_threadpool(update_cluster, caller.services.control, row.id, **changed)
    await run_in_threadpool(caller.services.follow_clusters)


async def delete(caller: Caller, cluster_uuid: str, query: DeleteQuery) -> Deleted:
    """Collect a cluster no more. What was booked of it stays; access rules about it are gone."""
    row = await run_in_threadpool(cluster_of, caller, cluster_uuid, "delete")
    refuse_configured(caller, row)
    await run_in_threadpool(delete_cluster, caller.services.control, row.id)
    await run_in_threadpool(caller.services.follow_clusters)
    if query.force:
        return Response(status_code=204)
    return JSONResponse({"code": 202, "message": "Request has been accepted."}, 202)


def views(caller: Caller, is_full: bool, with_deleted: bool) -> list[ClusterView]:
    """In the order of the configuration file, then of their registration, then by their names."""
    known = {each.state.name: each for each in known_of(caller)} if is_full else {}
    rows = {row.name: row for row in visible(caller) if with_deleted or not row.delete_requested_at}
    names = dict.fromkeys((*caller.services.clusters.roll.names, *sorted(rows)))
    return [
        ClusterView.of(rows[name], known.get(name), is_full, may_change(caller, rows[name]))
        for name in names
        if name in rows
    ]


def view(caller: Caller, row: Cluster, is_full: bool) -> ClusterView:
    known = {each.state.name: each for each in known_of(caller)} if is_full else {}
    return ClusterView.of(row, known.get(row.name), is_full, may_change(caller, row))


def known_of(caller: Caller) -> Iterable[Freshness]:
    services = caller.services
    return freshness(caller.asker(), services.clusters.roll.collected, services.settings.collect.grace)


def visible(caller: Caller) -> list[Cluster]:
    caller.services.discovery.run()
    return [row for row in list_clusters(caller.services.control) if caller.actor.scope.shows(row.name)]


def may_change(caller: Caller, row: Cluster) -> bool:
    return may(caller.actor, "update", RESOURCE, Place(row.tenant_id, row.id))


def cluster_of(caller: Caller, identifier: str, action: Action, with_deleted: bool = False) -> Cluster:
    """The cluster with an id.

    Raises:
        ApiError: 404, where there is none that the caller may see; 403, where it may not do that.
    """
    caller.services.discovery.run()
    row = find_cluster(caller.services.control, identifier.lower())
    if row is None or not caller.actor.scope.shows(row.name) or (row.delete_requested_at and not with_deleted):
        raise ApiError(404, f"there is no cluster {identifier!r}, or you may not see it", "Resource id not found.")
    caller.target.id, caller.target.name = row.id, row.name
    if action != "read" and not may(caller.actor, action, RESOURCE, Place(row.tenant_id, row.id)):
        raise ApiError(
            403, f"you do not have sufficient permissions: your roles do not allow to {action} clusters here"
        )
    return row


def register(caller: Caller, new: NewCluster) -> Cluster:
    """Raises:
    NameTakenError: there is a cluster of this name; or the lake knows one that nobody has yet.
    """
    services = caller.services
    is_known = new.name in services.engine.lake.snapshot().collected_until()
    if is_known and find_cluster(services.control, cluster_id(new.name)) is None:
        raise NameTakenError(TAKEN)
    row = register_cluster(services.control, new)
    services.follow_clusters()
    return row


def refuse_configured(caller: Caller, row: Cluster) -> None:
    if any(cluster.name == row.name for cluster in caller.services.settings.clusters):
        raise ApiError(409, f"cluster {row.name!r} is in the configuration file; change it there, and start anew")


def view_run(run: Runs) -> RunView:
    return RunView.model_validate(run, from_attributes=True)


def view_failure(run: Runs) -> FailureView:
    return FailureView(
        kind=run.kind,
        failed_at=datetime.fromtimestamp(run.failed_at or 0, UTC),
        error=run.error or "no reason is known",
    )
