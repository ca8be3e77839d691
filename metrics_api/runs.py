"""Runs: how the collection of each cluster goes, as metrics for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from queries.collection import Runs
from queries.freshness import month_of, recent_runs
from queries.question import Asker
from queries.rosters.register import Register

LAST: tuple[tuple[str, str, Callable[[Runs], float | None]], ...] = (
    ("last_success_timestamp_seconds", "Unix time at which a run last succeeded.", lambda runs: runs.succeeded_at),
    ("last_duration_seconds", "How long the last run took.", lambda runs: runs.duration_seconds),
    ("last_samples", "How many samples the last run read.", lambda runs: runs.samples_read),
)

COUNTED: tuple[tuple[str, str, Callable[[Runs], float]], ...] = (
    ("runs", "Runs since the start of the month (UTC).", lambda runs: runs.runs),
    ("failures", "Runs that failed, since the start of the month (UTC).", lambda runs: runs.failures),
    ("samples", "Samples that were read, since the start of the month (UTC).", lambda runs: runs.samples),
)


class LakeMetrics(Collector):
    """What the lake knows of its collectors, read when it is asked for: several of us tell the same."""

    def __init__(self, asker: Asker, register: Register) -> None:
        self.asker = asker
        self.register = register

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "metrics_api_lake_version",
            "Version of the ledger table that is served.",
            value=self.asker.snapshot.version,
        )
        yield GaugeMetricFamily(
            "metrics_api_hot_bytes",
            "Memory that the newest part of the ledger takes in this process.",
            value=self.asker.engine.hot.bytes,
        )
        yield GaugeMetricFamily(
            "metrics_api_listed_bytes",
            "Memory that the lists of workloads and pods take in this process.",
            value=self.register.bytes,
        )
        until = GaugeMetricFamily(
            "metrics_api_cluster_collected_until_timestamp_seconds",
            "Unix time until which a cluster was collected.",
            labels=["cluster"],
        )
        for cluster in self.asker.clusters():
            if cluster.collected_until:
                until.add_metric([cluster.name], cluster.collected_until.timestamp())
        yield until
        yield from self._of_runs(recent_runs(self.asker))

    def _of_runs(self, found: list[Runs]) -> Iterator[Metric]:
        for name, text, told in LAST:
            gauge = GaugeMetricFamily(f"metrics_api_collection_{name}", text, labels=["cluster", "kind"])
            for runs in found:
                if (value := told(runs)) is not None:
                    gauge.add_metric([runs.cluster, runs.kind], value)
            yield gauge
        for name, text, counted in COUNTED:
            counter = CounterMetricFamily(f"metrics_api_collection_{name}", text, labels=["cluster", "kind"])
            for runs in found:
                counter.add_metric([runs.cluster, runs.kind], counted(runs), month_of(self.asker.now).timestamp())
            yield counter


def lake_metrics(asker: Asker, register: Register) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LakeMetrics(asker, register))
    return registry
