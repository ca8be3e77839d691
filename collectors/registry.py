"""Registry: whose each GPU is. One that two clusters show (a Thanos and its leaf) must not be booked twice."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from collectors.census import MINUTE, Census, plain
from collectors.prometheus import PrometheusError
from queries.settings import Cluster
from queries.window import HOUR, Window

PATIENCE = timedelta(seconds=30)
"""How long a cluster waits at first to know the GPUs of those before it."""

AT_ONCE = timedelta(minutes=6)
"""Two clusters that show a GPU for longer than this at once both have it. Prometheus shows a series for five minutes
after its end: a GPU that was moved is in both for so long."""

BATCH = 100
"""So many GPUs are compared at once."""

NAMED = 3
"""So many GPUs are named in a message."""


class ConflictError(Exception):
    """A cluster shows GPUs that are another's, or is not ours any more. The message says which, and what would be
    right."""


@dataclass(frozen=True)
class Conflict:
    """GPUs that a cluster shows at the same time as one that is configured before it, whose they are."""

    gpus: list[str]
    cluster: Cluster
    owner: Cluster

    @property
    def advice(self) -> str:
        return (
            f"remove one of {self.owner.name!r} and {self.cluster.name!r} from the configuration, or set clusters.match"
            " so that each selects series of its own"
        )

    def __str__(self) -> str:
        named = ", ".join(self.gpus[:NAMED]) + (" and others" if len(self.gpus) > NAMED else "")
        return (
            f"cluster {self.cluster.name!r}: {self.cluster.prometheus} shows {named}, which are cluster"
            f" {self.owner.name!r}'s: {self.owner.prometheus}, configured before it, shows them at the same time"
        )


class Registry:
    """Whose the GPUs of all clusters are: a GPU belongs to the first of them. Several threads may use it."""

    def __init__(
        self,
        clusters: Sequence[Cluster],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: timedelta = PATIENCE,
    ) -> None:
        self.clock = clock
        self._patience = patience
        self._censuses: dict[str, Census] = {}
        self.follow(clusters)

    def follow(self, clusters: Sequence[Cluster]) -> None:
        """These are the clusters now."""
        known = self._censuses
        self._censuses = {
            cluster.name: known[cluster.name]
            if cluster.name in known and known[cluster.name].cluster == cluster
            else Census(cluster, self._patience)
            for cluster in clusters
        }

    def check(self, cluster: str, gpus: Iterable[str], window: Window) -> None:
        """Refuse GPUs that a cluster shows in a window, if an earlier cluster shows them at the same time. A GPU that
        was moved is not in both at once: each cluster's part of it is its own.

        Raises:
            ConflictError: they are another's; or it seems so, and that one cannot be asked now; or the cluster itself
                is collected no more.
        """
        conflict = self.conflict(cluster, gpus, window)
        if conflict:
            raise ConflictError(f"{conflict}; they would be booked twice: {conflict.advice}")

    def conflict(self, cluster: str, gpus: Iterable[str], window: Window) -> Conflict | None:
        """What there is to refuse, if anything: no more than the first GPUs are looked for.

        Raises:
            ConflictError: an earlier cluster had such GPUs lately, and cannot be asked about them now.
        """
        censuses, names = self._censuses, {plain(gpu): gpu for gpu in gpus if gpu}
        if cluster not in censuses:
            raise ConflictError(f"cluster {cluster!r} is collected no more; what was read of it is not booked")
        own = censuses[cluster]
        for earlier in takewhile(lambda census: census is not own, censuses.values()):
            doubtful = iter(sorted(names.keys() & earlier.gpus_since(window.start, self.clock())))
            while some := list(islice(doubtful, BATCH)):
                shared = self._shown_by_both(own, earlier, {gpu: names[gpu] for gpu in some}, window)
                if shared:
                    return Conflict(shared, own.cluster, earlier.cluster)
        return None

    def _shown_by_both(self, own: Census, other: Census, gpus: dict[str, str], window: Window) -> list[str]:
        """Those of some GPUs that two clusters show at once, in a window or the hour before it: a window that has just
        begun holds too little to tell."""
        around = Window(window.start - HOUR, max(min(window.end, self.clock()), window.start))
        try:
            theirs, ours = (census.minutes_of(list(gpus), around) for census in (other, own))
        except PrometheusError as error:
            raise ConflictError(
                f"cluster {own.cluster.name!r}: cluster {other.cluster.name!r} had {min(gpus.values())} too, and"
                f" whether it still has cannot be asked: {error}"
            ) from None
        return [name for gpu, name in gpus.items() if longest(ours[gpu] & theirs[gpu]) * MINUTE > AT_ONCE]


def longest(minutes: set[int]) -> int:
    """How many of some minutes follow each other at most."""
    run = best = 0
    for minute in sorted(minutes):
        run = run + 1 if minute - 1 in minutes else 1
        best = max(best, run)
    return best
