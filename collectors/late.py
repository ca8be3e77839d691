"""Late: samples that came after their hour was final, as from a remote write that was held up."""

from datetime import timedelta

from collectors.exporters import vocabularies_of
from collectors.prometheus import Expression, Prometheus, Selector
from queries.collection import counted
from queries.lake import Lake
from queries.window import Window, milliseconds

LATE = timedelta(hours=24)
"""How long after its end an hour is looked at for samples that came late."""


def late_hours(prometheus: Prometheus, lake: Lake, hours: list[Window]) -> dict[Window, int]:
    """Those of some hours of which Prometheus has more samples than were counted when they were last looked at, or that
    never were, with how many it has now. Counted before the hour is read: what comes in between is found the next time.
    """
    if not hours:
        return {}
    before = counted(lake.collections, prometheus.cluster.name, Window(hours[0].start, hours[-1].end))
    counts = {hour: count(prometheus, hour) for hour in hours}
    return {hour: samples for hour, samples in counts.items() if samples > before.get(hour.start, -1)}


def count(prometheus: Prometheus, hour: Window) -> int:
    """How many samples Prometheus has of the series that show GPUs: those of others come by the same way. Counted one
    name at a time: without it, series of two names can become the same, which Prometheus refuses."""
    memories = [vocabulary.memory for vocabulary in vocabularies_of(prometheus.cluster) if vocabulary.memory]
    asked = dict.fromkeys(read.selector for memory in memories for read in memory.reads)
    selectors = tuple(selector for selector in asked if isinstance(selector, Selector))
    length = milliseconds(hour.length)
    terms = [f"(sum(count_over_time(${place}[{length}ms])) or vector(0))" for place in range(len(selectors))]
    everything = Expression(" + ".join(terms), selectors)
    found = prometheus.ask("$selector", everything, hour.end - timedelta(milliseconds=1))
    return int(sum(samples for _, samples in found))
