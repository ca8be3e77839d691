"""Crew: a thread for each cluster that is collected, begun and ended as clusters come and go."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from queries.clusters import Roll
from queries.settings import Cluster

Watch = Callable[[Cluster, threading.Event], None]
"""Collects one cluster until told to stop."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Member:
    cluster: Cluster
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def begun(cls, cluster: Cluster, watch: Watch) -> "Member":
        stop = threading.Event()
        thread = threading.Thread(target=watch, args=(cluster, stop), name=cluster.name)
        thread.start()
        return cls(cluster, thread, stop)


class Crew:
    """Of a cluster that is gone or has changed, the thread ends when it is done with the hour at hand; no one waits for
    it, since two that write the same hour harm nothing."""

    def __init__(self, watch: Watch, note: Callable[[str, str], None]) -> None:
        """note: told of each registered cluster that cannot be collected, and why."""
        self._watch = watch
        self._note = note
        self._members: dict[str, Member] = {}
        self._leaving: list[Member] = []
        self._noted: dict[str, str] = {}

    def follow(self, roll: Roll) -> None:
        """These are the clusters now."""
        wanted = {cluster.name: cluster for cluster in roll.collected}
        for name, member in list(self._members.items()):
            if wanted.get(name) != member.cluster:
                self._dismiss(name)
        for name, cluster in wanted.items():
            if name not in self._members:
                log.info("collecting", cluster=name)
                self._members[name] = Member.begun(cluster, self._watch)
        for name, problem in roll.unusable.items():
            if self._noted.get(name) != problem:
                self._note(name, problem)
        self._noted = dict(roll.unusable)
        self._leaving = [member for member in self._leaving if member.thread.is_alive()]

    def stop(self) -> None:
        """End all, and wait until they have ended."""
        for name in list(self._members):
            self._dismiss(name)
        for member in self._leaving:
            member.thread.join()

    def _dismiss(self, name: str) -> None:
        log.info("collecting no more", cluster=name)
        member = self._members.pop(name)
        member.stop.set()
        self._leaving.append(member)
