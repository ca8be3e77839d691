"""Examination: one cluster, asked once, as its checks look at it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from collectors.collect import Clock
from collectors.collector import Collector
from collectors.exporters import vocabularies_of
from collectors.prometheus import Prometheus, Selector, one_of
from collectors.reading import metrics_present, read_tables
from collectors.registry import Registry
from collectors.server import Server, meet
from collectors.shown import Shown
from collectors.vocabulary import Read, Vocabulary
from queries.lake import Lake
from queries.settings import Cluster, Settings
from queries.window import Window, milliseconds

LOOKED_AT = timedelta(minutes=15)
"""What was told in so long a time before now is looked at."""


@dataclass(frozen=True)
class Spoken:
    """A vocabulary that a cluster speaks: how many series of it there are, of how many GPUs and nodes, how far apart
    its samples are, and in which labels it names holders."""

    name: str
    title: str
    series: int
    gpus: int
    nodes: int
    interval: timedelta | None
    holders: tuple[str, ...]


class Examination:
    """A cluster, read as the collector reads it, for a short time before now.

    Raises:
        PrometheusError: it cannot be read.
    """

    def __init__(self, cluster: Cluster, settings: Settings, lake: Lake, registry: Registry, clock: Clock) -> None:
        self.cluster = cluster
        self.settings = settings
        self.lake = lake
        self.registry = registry
        self.clock = clock
        self.prometheus = Prometheus(cluster)
        self.server: Server = meet(self.prometheus, clock)
        self.window = Window(clock() - LOOKED_AT, clock())
        self.vocabularies = vocabularies_of(cluster)
        self.present = metrics_present(self.prometheus, self.vocabularies, self.window)
        self.shown = Shown(read_tables(self.prometheus, self.present, self.window))

    @property
    def collector(self) -> Collector:
        return Collector(self.cluster, self.lake, self.settings.collect, self.clock)

    @cached_property
    def data_since(self) -> datetime | None:
        """The first hour that can be collected, as far back as the settings ask for."""
        return self.collector.beginning()

    @cached_property
    def spoken(self) -> list[Spoken]:
        """What is spoken now. (An index also remembers what has ended.)"""
        counts = self._series_per_metric()
        found = [self._spoken(vocabulary, counts) for vocabulary in self.vocabularies]
        return [spoken for spoken in found if spoken.series]

    def reads(self, table: str) -> list[tuple[Vocabulary, Read]]:
        """What is read of this cluster into a table, of the metrics that are there."""
        return [
            (vocabulary, read)
            for vocabulary in self.vocabularies
            for read in vocabulary.reads
            if read.table == table and read.selector.metric in self.present
        ]

    def _series_per_metric(self) -> Counter[str]:
        if not self.present:
            return Counter()
        found = self.prometheus.ask(
            f"count by (__name__) (last_over_time($selector[{milliseconds(LOOKED_AT)}ms]))",
            Selector("", (one_of("__name__", self.present),)),
            self.window.end,
        )
        return Counter({labels.get("__name__", ""): int(count) for labels, count in found})

    def _spoken(self, vocabulary: Vocabulary, counts: Counter[str]) -> Spoken:
        metrics = {read.selector.metric for read in vocabulary.reads}
        series = {number for metric in metrics for number in self.shown.tables.series_of(metric)}
        gpus = [gpu for gpu in self.shown.gpus if gpu.number in series]
        told = {str(row["node"]) for row in self.shown.rows("node_series") if row["series"] in series}
        intervals = self.shown.intervals(sorted(series))
        return Spoken(
            vocabulary.name,
            vocabulary.title,
            sum(counts[metric] for metric in vocabulary.metrics),
            len({gpu.device[0] for gpu in gpus}),
            len({gpu.node for gpu in gpus} | told),
            timedelta(milliseconds=round(float(np.median(intervals)))) if len(intervals) else None,
            tuple(sorted({gpu.told_by for gpu in gpus if gpu.told_by})),
        )
