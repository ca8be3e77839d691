"""Freshness: how far each cluster's part of the ledger goes, what of it is missing, and how its collection goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from queries.collection import Runs
from queries.question import Asker, ClusterState, Question
from queries.settings import Cluster
from queries.window import HOUR, Window

RECENT = timedelta(hours=24)
"""The time of which the coverage is told."""


@dataclass(frozen=True)
class Freshness:
    """What is known of one cluster.

    lag_seconds: how long ago it was collected until. hours_missing: the hours that are over and not collected, since
    the first of the backfill that was; None where the cluster is not collected, or nothing was collected. coverage:
    the measured share of the capacity of the last day. runs: by kind, of this month and the one before.
    """

    state: ClusterState
    lag_seconds: float | None = None
    hours_missing: int | None = None
    coverage: float | None = None
    runs: tuple[Runs, ...] = ()

    @property
    def last_run(self) -> Runs | None:
        return max(self.runs, key=lambda runs: runs.started_at, default=None)

    @property
    def last_failure(self) -> Runs | None:
        failed = [runs for runs in self.runs if runs.failed_at]
        return max(failed, key=lambda runs: runs.failed_at or 0, default=None)


def freshness(asker: Asker, clusters: Iterable[Cluster], grace: timedelta) -> list[Freshness]:
    """Of all clusters that the asker may see. clusters: those that are collected; grace: of the collectors."""
    collected = {cluster.name: cluster for cluster in clusters}
    coverage = asker.coverage(Question(Window(Window.hour_of(asker.now - RECENT).end, asker.now)))
    runs = recent_runs(asker)
    return [
        Freshness(
            state,
            lag_seconds(state, asker.now),
            hours_missing(asker, collected.get(state.name), grace),
            coverage.get(state.name),
            tuple(each for each in runs if each.cluster == state.name),
        )
        for state in asker.clusters()
    ]


def lag_seconds(state: ClusterState, now: datetime) -> float | None:
    return max(0.0, (now - state.collected_until).total_seconds()) if state.collected_until else None


def recent_runs(asker: Asker) -> list[Runs]:
    """The runs of this month and the one before, counted from the start of this month (UTC): a count that begins again
    at a known time, and is the same whoever is asked."""
    month = month_of(asker.now)
    window = Window(month_of(month - HOUR), asker.now + HOUR)
    return asker.engine.ask_collections(asker.scope, window, month)


def month_of(time: datetime) -> datetime:
    return datetime(time.year, time.month, 1, tzinfo=UTC)


def hours_missing(asker: Asker, cluster: Cluster | None, grace: timedelta) -> int | None:
    """Collectors fill the oldest first: the first hour that is there is the first that Prometheus had."""
    if cluster is None:
        return None
    since = Window.hour_of(asker.now - cluster.backfill).start
    until = Window.hour_of(asker.now - grace - HOUR).start
    collected: Mapping[datetime, int] = asker.snapshot.revisions(cluster.name, Window(since, asker.now))
    if not collected:
        return None
    first = min(collected)
    if first >= until:
        return 0
    return len(list(asker.snapshot.unfinished(cluster.name, Window(first, until), grace)))
