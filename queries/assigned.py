"""Assigned: what the API says of projects beside the configuration file: their departments, and their quotas."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa

from queries.catalogue import SET_BY_API
from queries.datasets import TIME

MEMBERSHIPS = pa.schema([(name, pa.string()) for name in ("cluster", "project", "department")])

QUOTAS = pa.schema(
    [
        *((name, pa.string()) for name in ("cluster", "project", "node_pool")),
        ("since", TIME),
        ("until", TIME),
        *((metric.name, pa.float64()) for metric in SET_BY_API),
    ]
)
"""What a project may have of a node pool during some time. The times of a project's rows are the same, or apart."""

Named = tuple[str, str]
"""A cluster, and what of it is spoken of."""


@dataclass(frozen=True)
class Assigned:
    """revision: another after each change. memberships: the departments of projects, where the API says them;
    departments: those that were made by it; projects: those that were, by their ids; quotas: as in QUOTAS."""

    revision: Hashable = None
    memberships: Mapping[Named, str] = field(default_factory=lambda: MappingProxyType({}))
    departments: frozenset[Named] = frozenset()
    projects: Mapping[str, Named] = field(default_factory=lambda: MappingProxyType({}))
    quotas: pa.Table = field(default_factory=QUOTAS.empty_table)

    def membership_table(self) -> pa.Table:
        rows = [
            {"cluster": cluster, "project": project, "department": department}
            for (cluster, project), department in self.memberships.items()
        ]
        return pa.Table.from_pylist(rows, MEMBERSHIPS)


NOBODY = Assigned()
"""Where the API has said nothing."""
