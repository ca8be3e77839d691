"""Targets: what the simulated clusters' Prometheus servers scrape, and what each target says."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from metrics_api.demo import dcgm, kube_state
from metrics_api.demo.exposition import Family, Series, Target
from metrics_api.demo.fleet import Cluster, Floats, Outage

UP = Family("up", "gauge", "Whether the scrape succeeded.")


@dataclass(frozen=True)
class Exporter:
    """A target, what it says at some times, and when it is down."""

    target: Target
    series: Callable[[Floats], Iterator[Series]]
    crash: Outage | None = None

    def is_down(self, time: float) -> bool:
        return self.crash is not None and self.crash.holds(time)

    def history(self, times: Floats) -> Iterator[Series]:
        """What a Prometheus would have stored: nothing while the exporter was down, but that it was."""
        is_up = np.array([not self.is_down(time) for time in times])
        yield Series(UP, {}, times, is_up.astype(float))
        if is_up.any():
            yield from self.series(times[is_up])


def exporters(cluster: Cluster) -> list[Exporter]:
    """Every exporter of a cluster."""
    found = []
    for number, node in enumerate(cluster.nodes, start=1):
        own = zlib.crc32(node.encode()) % 0xFFFFF
        labels = target_labels("dcgm-exporter", f"10.1.0.{number}:9400", "gpu-operator", f"dcgm-exporter-{own:05x}")
        target = Target(f"/{cluster.name}/dcgm/{node}", labels, cluster.honors_labels)
        crash = cluster.exporter_crash[1] if cluster.exporter_crash[0] == node else None
        found.append(Exporter(target, partial(dcgm.exporter_series, cluster, node), crash))
    labels = target_labels("kube-state-metrics", "10.1.1.1:8080", "monitoring", "kube-state-metrics-0")
    target = Target(f"/{cluster.name}/kube-state-metrics", labels, honors_labels=True)
    found.append(Exporter(target, partial(kube_state.kube_state_series, cluster)))
    labels = target_labels("kueue", "10.1.1.2:8443", "kueue-system", "kueue-controller-manager-0")
    target = Target(f"/{cluster.name}/kueue", labels, honors_labels=True)
    found.append(Exporter(target, partial(kube_state.kueue_series, cluster)))
    return found


def target_labels(job: str, instance: str, namespace: str, pod: str) -> dict[str, str]:
    return {"job": job, "instance": instance, "namespace": namespace, "pod": pod, "container": "main"}
