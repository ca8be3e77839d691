"""Clusters: which there are, and how fresh what is known of each is."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from metrics_api.services import Caller


class ClusterView(BaseModel):
    """A cluster. status: ok, late (collected more than five minutes ago), or never (nothing was collected yet)."""

    name: str
    status: Literal["ok", "late", "never"]
    collected_until: datetime | None = None


async def list_clusters(caller: Caller) -> list[ClusterView]:
    """The clusters that are configured or that the lake knows, and until when each was collected."""
    states = await run_in_threadpool(caller.asker().clusters)
    return [
        ClusterView(name=state.name, status=state.status, collected_until=state.collected_until) for state in states
    ]
