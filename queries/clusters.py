"""Clusters: which are collected, as it is now: those of the configuration file, and those registered by the API."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import structlog
from pydantic import ValidationError

from queries.control.clusters import entered
from queries.control.database import Control, ControlError, is_there
from queries.settings import AS_WRITTEN, Cluster, Settings, SettingsError

PAUSE_SECONDS = 1.0
"""How long what was read counts."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Roll:
    """collected: in the order of the configuration file, then of their registration. deleted: the names of those that
    are collected no more. unusable: by name, why a registered one cannot be collected."""

    collected: tuple[Cluster, ...]
    deleted: frozenset[str] = frozenset()
    unusable: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def names(self) -> tuple[str, ...]:
        return (*(cluster.name for cluster in self.collected), *self.unusable)

    def cluster(self, name: str) -> Cluster:
        """The cluster of this name.

        Raises:
            SettingsError: there is none, or it cannot be collected; the message says why, or lists those there are.
        """
        for cluster in self.collected:
            if cluster.name == name:
                return cluster
        if name in self.unusable:
            raise SettingsError(f"cluster {name!r}: {self.unusable[name]}")
        names = ", ".join(self.names) or "none"
        raise SettingsError(f"cluster {name!r} is neither configured nor registered; there are: {names}")


class Clusters:
    """Reads the roll again when it is told to. Several threads may use it.

    What the configuration file says counts, whatever the control database says of a cluster of the same name. A
    database that cannot be read changes nothing: what was known of it before counts on.
    """

    def __init__(self, settings: Settings, control: Control | None = None, with_secrets: bool = False) -> None:
        """control: without it, the one that the settings name, once it is there; it is not made. with_secrets: whether
        what stands for secrets is looked up, each time."""
        self._settings = settings
        self._control = control
        self._context = None if with_secrets else AS_WRITTEN
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._problem = ""
        self.roll = Roll(settings.clusters)

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._read_at > PAUSE_SECONDS

    def refresh(self) -> bool:
        """Read the roll again.

        Returns:
            Whether it has changed.
        """
        with self._lock:
            before = self.roll
            try:
                self.roll, problem = self._read(), ""
            except ControlError as error:
                problem = str(error)
            if problem and problem != self._problem:
                log.error("registered clusters are not known", problem=problem)
            self._problem, self._read_at = problem, time.monotonic()
            return self.roll != before

    def _read(self) -> Roll:
        if self._control is None:
            if not is_there(self._settings.store.control_url):
                return Roll(self._settings.clusters)
            self._control = Control(self._settings.store.control_url)
        configured = {cluster.name: cluster for cluster in self._settings.clusters}
        rows = [row for row in entered(self._control) if row.name not in configured]
        registered: dict[str, Cluster] = {}
        unusable: dict[str, str] = {}
        for row in rows:
            if row.collection is not None and not row.is_deleted:
                try:
                    registered[row.name] = parse_cluster(row.name, row.collection, self._context)
                except ValidationError as error:
                    unusable[row.name] = explain(error)
        deleted = frozenset(row.name for row in rows if row.is_deleted)
        return Roll((*configured.values(), *registered.values()), deleted, unusable)

    def close(self) -> None:
        if self._control:
            self._control.close()


def parse_cluster(name: str, collection: Mapping[str, Any], context: Mapping[str, str] | None = AS_WRITTEN) -> Cluster:
    """A cluster as the control database has it. context: without one, what stands for secrets is looked up.

    Raises:
        ValidationError: it is none that can be collected; or what stands for a secret does not stand for any.
    """
    return Cluster.model_validate({"name": name, **collection}, context=context)


def explain(error: ValidationError) -> str:
    """What is wrong with a cluster, without any value of it."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_input=False)
    )
