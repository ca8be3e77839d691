"""Run: all clusters collected at once, each by itself, as they come and go, until told to stop."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from collectors.collect import Clock, Collected, now
from collectors.collector import Collector
from collectors.crew import Crew
from collectors.prometheus import PrometheusError
from collectors.recording import record
from collectors.registry import ConflictError, Registry
from collectors.upkeep import keep_up
from queries.clusters import Clusters
from queries.collection import Collection
from queries.lake import Lake, LakeError
from queries.ledger.book import UnbalancedError
from queries.settings import Cluster, Settings
from queries.window import Window

UPKEEP_EVERY = timedelta(hours=1)

FOLLOW_SECONDS = 1.0
"""How often is looked whether clusters were registered, changed or deleted."""

SETTLED = datetime(2000, 1, 1, 0, 0, 2, tzinfo=UTC)
"""Ticks are whole numbers of ticks from here: two seconds after the full minute, for samples that are on their way."""

FAILURES = (PrometheusError, ConflictError, LakeError, UnbalancedError)
"""What keeps one cluster from being collected now, and may have passed at the next tick."""

log = structlog.get_logger()


def run(settings: Settings, stop: threading.Event) -> None:
    """Collect every cluster at every tick, and fill its missing hours between the ticks, until ``stop`` is set."""
    lake = Lake(settings.store.path)
    lake.create()
    clusters = Clusters(settings, with_secrets=True)
    registry = Registry(settings.clusters)
    crew = Crew(lambda cluster, stop: watch(cluster, lake, settings, stop, now, registry), partial(note, lake))
    upkeep = threading.Thread(target=keep_up_regularly, args=(lake, settings, stop), name="upkeep")
    upkeep.start()
    while not stop.is_set():
        clusters.refresh()
        registry.follow(clusters.roll.collected)
        crew.follow(clusters.roll)
        stop.wait(FOLLOW_SECONDS)
    crew.stop()
    upkeep.join()
    clusters.close()


def note(lake: Lake, cluster: str, problem: str) -> None:
    """A cluster that cannot even be begun with becomes a run that says so."""
    hour, said = Window.hour_of(now()), f"cluster {cluster!r}: {problem}"
    log.error("not collected", cluster=cluster, problem=said)
    record(lake, Collection(cluster, "live", hour, now(), 0.0, error=said))


def watch(
    cluster: Cluster,
    lake: Lake,
    settings: Settings,
    stop: threading.Event,
    clock: Clock = now,
    registry: Registry | None = None,
) -> None:
    """Collect one cluster until told to stop. What fails is told, and tried again at the next tick."""
    collector = Collector(cluster, lake, settings.collect, clock, registry)
    while not stop.is_set():
        next_tick = tick_after(clock(), settings.collect.tick)
        attempt("found a lake", cluster.name, partial(make_again, lake))
        if attempt("collected", cluster.name, partial(report, collector)):
            attempt("filled", cluster.name, partial(fill_until, collector, next_tick, stop))
            attempt("corrected", cluster.name, partial(correct_until, collector, next_tick, stop))
        stop.wait(max(0.0, (next_tick - clock()).total_seconds()))


def tick_after(time: datetime, tick: timedelta) -> datetime:
    """When to collect next: just after a step has ended, so that what it shows is soon in the lake."""
    begun = time - (time - SETTLED) % tick
    return begun + tick


def make_again(lake: Lake) -> None:
    """A lake that was deleted is made again: what Prometheus still has of it is missing then, and filled."""
    made = lake.create()
    if made:
        log.error("the lake was deleted; it is made again", folder=lake.folder, tables=made)


def report(collector: Collector) -> None:
    for done in collector.tick():
        tell("collected", collector, done)


def fill_until(collector: Collector, deadline: datetime, stop: threading.Event) -> None:
    """Fill missing hours, oldest first, as long as there is time before the next tick."""
    for done in collector.catch_up(lambda: collector.clock() >= deadline or stop.is_set()):
        tell("filled", collector, done)


def correct_until(collector: Collector, deadline: datetime, stop: threading.Event) -> None:
    """Look for samples that came late, and collect their hours again."""
    for done in collector.correct_late(lambda: collector.clock() >= deadline or stop.is_set()):
        tell("corrected", collector, done)


def tell(what: str, collector: Collector, done: Collected) -> None:
    told = log.warning if done.note else log.info
    notes = {"note": done.note} if done.note else {}
    told(what, cluster=collector.cluster.name, hour=str(done.hour), rows=done.rows, written=done.is_written, **notes)


def keep_up_regularly(lake: Lake, settings: Settings, stop: threading.Event, clock: Clock = now) -> None:
    while not stop.is_set():
        attempt("kept up", "", lambda: [log.info("upkeep", done=done) for done in keep_up(lake, settings, clock())])
        stop.wait(UPKEEP_EVERY.total_seconds())


def attempt(what: str, cluster: str, task: Callable[[], object]) -> bool:
    """Do something, or tell why not.

    Returns:
        Whether the cluster's Prometheus answers, as far as we know.
    """
    try:
        task()
    except FAILURES as error:
        log.error(f"not {what}", cluster=cluster, problem=str(error))
        return not isinstance(error, PrometheusError)
    except Exception as error:  # a defect that one cluster's data show: it is told, and must not end the others'
        log.error(f"not {what}: a defect of ours", cluster=cluster, exc_info=error)
    return True
