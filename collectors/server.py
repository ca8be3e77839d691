"""Server: what answers at a cluster's address, and how it does."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collectors.collect import Clock
from collectors.prometheus import Prometheus

ASKED = 5
"""How often it is asked how long it takes, and who it is."""

LATENCY_OFFSET = timedelta(seconds=30)
"""VictoriaMetrics answers what was true so long ago, unless another time is asked for."""


@dataclass(frozen=True)
class Server:
    """product: Prometheus, VictoriaMetrics, Thanos, or as it calls itself (Grafana Mimir). version: as it says, empty
    where it does not. latency_seconds: of the smallest question, the median. skew: how far its clock is ahead of ours.
    replicas: how many servers with a start of their own answered."""

    product: str
    version: str
    latency_seconds: float
    skew: timedelta
    replicas: int


def meet(prometheus: Prometheus, clock: Clock) -> Server:
    """Raises:
    PrometheusError: it cannot be reached, does not let us in, or is no Prometheus.
    """
    product = product_of(prometheus)
    build = data(prometheus.peek("/api/v1/status/buildinfo"))
    return Server(
        product,
        str(build.get("version", "")) if product != "VictoriaMetrics" else "",
        latency(prometheus),
        skew(prometheus, clock, LATENCY_OFFSET if product == "VictoriaMetrics" else timedelta(0)),
        replicas(prometheus),
    )


def product_of(prometheus: Prometheus) -> str:
    """By what one has and the others have not: MetricsQL, a list of stores, a name."""
    prometheus.check()
    if prometheus.peek("/api/v1/query", query="vector(1) default 0"):
        return "VictoriaMetrics"
    if prometheus.peek("/api/v1/stores"):
        return "Thanos"
    return str(data(prometheus.peek("/api/v1/status/buildinfo")).get("application", "Prometheus"))


def latency(prometheus: Prometheus) -> float:
    seconds = []
    for _ in range(ASKED):
        began = time.perf_counter()
        prometheus.check()
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[ASKED // 2]


def skew(prometheus: Prometheus, clock: Clock, offset: timedelta) -> timedelta:
    """Its time against ours in the middle of asking."""
    before = clock()
    answer = data(prometheus.peek("/api/v1/query", query="vector(time())"))
    after = clock()
    told = next((float(series["value"][1]) for series in answer.get("result", [])), None)
    middle = before + (after - before) / 2
    return timedelta(0) if told is None else datetime.fromtimestamp(told, middle.tzinfo) + offset - middle


def replicas(prometheus: Prometheus) -> int:
    """One where it does not tell when it started."""
    told = [data(prometheus.peek("/api/v1/status/runtimeinfo")).get("startTime") for _ in range(ASKED)]
    return max(1, len(set(told) - {None}))


def data(answer: dict[str, Any] | None) -> dict[str, Any]:
    found = (answer or {}).get("data")
    return found if isinstance(found, dict) else {}
