"""Census: which GPUs a cluster shows, and when."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog

from collectors.exporters import vocabularies_of
from collectors.prometheus import Expression, Prometheus, PrometheusError, Selector, one_of
from queries.settings import Cluster
from queries.window import HOUR, Window, milliseconds

AGAIN = HOUR
"""How often a cluster's GPUs are looked for."""

RETRY = timedelta(minutes=1)
"""How soon again, if the cluster could not be reached."""

MINUTE = timedelta(minutes=1)

log = structlog.get_logger()


class Census:
    """The GPUs that a cluster was seen to have, by the index of its Prometheus. They are looked for in the background:
    a cluster that hangs must not hinder those who ask. Several threads may ask."""

    def __init__(self, cluster: Cluster, patience: timedelta) -> None:
        self.cluster = cluster
        self.prometheus = Prometheus(cluster)
        self._patience = patience.total_seconds()
        self._gpus: frozenset[str] = frozenset()
        self._since: datetime | None = None
        self._tried_at: datetime | None = None
        self._is_found = False
        self._looking: threading.Thread | None = None
        self._deadline = 0.0
        self._lock = threading.Lock()

    def gpus_since(self, start: datetime, now: datetime) -> frozenset[str]:
        """All that the cluster was seen to have since some time (and perhaps before). Who asks first waits, though not
        for ever; of a cluster that cannot be reached nothing is known, and it is asked again later."""
        with self._lock:
            if self._since is None or start < self._since:
                self._since, self._is_found = min(start, now - AGAIN), False
                self._deadline = time.monotonic() + self._patience
                self._looking = self._look_for(Window(self._since, now), now)
            elif self._is_due(now):
                self._looking = self._look_for(Window(now - AGAIN if self._is_found else self._since, now), now)
            looking = self._looking
        if looking:
            looking.join(max(0.0, self._deadline - time.monotonic()))
        return self._gpus

    def minutes_of(self, gpus: list[str], window: Window) -> dict[str, set[int]]:
        """The minutes (of Unix time) in which each of some GPUs was shown.

        Raises:
            PrometheusError: the cluster could not be asked.
        """
        minutes: dict[str, set[int]] = defaultdict(set)
        spelled = [name for gpu in gpus for name in (gpu, f"GPU-{gpu}")]
        for label, selector in uuid_labels(self.cluster):
            some = selector.where(one_of(label, spelled))
            shown = self.prometheus.read(Expression(f"count by ({label}) ($0)", (some,), MINUTE), window)
            for number, at in zip(shown.series.tolist(), shown.times.tolist(), strict=True):
                minutes[plain(shown.labels[number][label])].add(at // milliseconds(MINUTE))
        return minutes

    def _is_due(self, now: datetime) -> bool:
        is_looking = self._looking is not None and self._looking.is_alive()
        wait = AGAIN if self._is_found else RETRY
        return not is_looking and (self._tried_at is None or now - self._tried_at >= wait)

    def _look_for(self, window: Window, now: datetime) -> threading.Thread:
        self._tried_at = now
        looking = threading.Thread(target=self._look, args=(window,), name=f"census-{self.cluster.name}", daemon=True)
        looking.start()
        return looking

    def _look(self, window: Window) -> None:
        try:
            seen = gpus_in(self.prometheus, window)
        except PrometheusError as error:
            log.warning("its GPUs could not be counted", cluster=self.cluster.name, problem=str(error))
            return
        with self._lock:
            self._gpus, self._is_found = self._gpus | seen, True


def gpus_in(prometheus: Prometheus, window: Window) -> frozenset[str]:
    """The GPUs that a cluster had around a window. Read from the index alone."""
    return frozenset(
        plain(value)
        for label, selector in uuid_labels(prometheus.cluster)
        for value in prometheus.label_values(label, selector, window)
    )


def uuid_labels(cluster: Cluster) -> Iterator[tuple[str, Selector]]:
    """The labels that name GPUs, and the series that have them, per vocabulary that is read of a cluster."""
    for vocabulary in vocabularies_of(cluster):
        names = {read.selector.metric for read in vocabulary.reads if read.table == "gpu_series"}
        if vocabulary.uuid_label and names:
            yield vocabulary.uuid_label, Selector("", (one_of("__name__", names), f'{vocabulary.uuid_label}!=""'))


def plain(uuid: str) -> str:
    """A GPU's UUID without the word before it, which not every exporter writes."""
    return uuid.removeprefix("GPU-")
