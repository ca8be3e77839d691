"""Clusters: which there are, how fresh and complete what is known of each is, and how its collection goes."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from metrics_api.services import Caller
from queries.collection import Kind, Runs
from queries.freshness import Freshness, freshness


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


class ClusterView(BaseModel):
    """A cluster. status: ok, late (collected more than five minutes ago), or never (nothing was collected yet)."""

    name: str
    status: Literal["ok", "late", "never"]
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
    def of(cls, cluster: Freshness) -> "ClusterView":
        return cls(
            name=cluster.state.name,
            status=cluster.state.status,
            collected_until=cluster.state.collected_until,
            lag_seconds=cluster.lag_seconds,
            hours_missing=cluster.hours_missing,
            coverage_24h=cluster.coverage,
            last_run=cluster.last_run and view_run(cluster.last_run),
            last_failure=cluster.last_failure and view_failure(cluster.last_failure),
        )


async def list_clusters(caller: Caller) -> list[ClusterView]:
    """The clusters that are configured or that the lake knows: until when each was collected, what is missing of it,
    and how its collection goes."""
    found = await run_in_threadpool(freshness, caller.asker(), caller.services.settings)
    return [ClusterView.of(cluster) for cluster in found]


def view_run(run: Runs) -> RunView:
    return RunView.model_validate(run, from_attributes=True)


def view_failure(run: Runs) -> FailureView:
    return FailureView(
        kind=run.kind,
        failed_at=datetime.fromtimestamp(run.failed_at or 0, UTC),
        error=run.error or "no reason is known",
    )
