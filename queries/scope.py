"""Scope: which clusters and projects an actor may see. The engine binds no table without one."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

SCHEMA = pa.schema([("cluster", pa.string()), ("project", pa.string())])


@dataclass(frozen=True)
class Scope:
    """Pairs of cluster and project that may be seen; None stands for any. Whoever may see any project of a cluster may
    know when that was collected."""

    allowed: frozenset[tuple[str | None, str | None]]

    @property
    def is_everything(self) -> bool:
        return (None, None) in self.allowed

    @property
    def hides_projects(self) -> bool:
        """Whether of some clusters only some projects may be seen."""
        return not self.is_everything and any(project is not None for _, project in self.allowed)

    def shows(self, cluster: str) -> bool:
        """Whether anything of a cluster may be seen."""
        return any(allowed in (None, cluster) for allowed, _ in self.allowed)

    def includes(self, cluster: str, project: str | None) -> bool:
        """Whether what belongs to a project (or to none) of a cluster may be seen."""
        return any(home in (None, cluster) and own in (None, project) for home, own in self.allowed)

    def within(self, clusters: Iterable[str]) -> "Scope":
        """What of this is in some clusters."""
        names = list(clusters)
        return Scope(
            frozenset((name, project) for home, project in self.allowed for name in names if home in (None, name))
        )

    def table(self) -> pa.Table:
        rows = [{"cluster": cluster, "project": project} for cluster, project in self.allowed]
        return pa.Table.from_pylist(rows, schema=SCHEMA)


EVERYTHING = Scope(frozenset({(None, None)}))
