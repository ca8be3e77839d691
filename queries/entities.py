"""Entities: what an id stands for. Ids follow from names (ids.py), so whoever asks for one is answered from an index of
the names in the lake's files: made once a file, newest first, as far as it takes to find what is asked for."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from queries.catalogue import FIELDS
from queries.condition import Condition
from queries.engine import Engine
from queries.ids import DEPARTMENT, NODE, NODE_POOL, POD, PROJECT, WORKLOAD, Kind, cluster_id
from queries.question import Asker
from queries.scope import Scope
from queries.table import Table

IN_PLACES = ("cluster", "node_pool", "node", "project")
IN_HOLDERS = ("cluster", "namespace", "workload_kind", "workload", "pod", "project")
IN_CHANGES = ("cluster", "namespace", "workload_kind", "workload", "project")

DIGITS = 16
"""The hex digits of an id that the index keeps: 8 bytes."""


@dataclass(frozen=True)
class Entity:
    """A thing with an id: its kind, and the names that tell it apart."""

    kind: str
    id: str
    names: tuple[tuple[str, str | None], ...]

    @property
    def cluster(self) -> str:
        return self.name("cluster")

    def name(self, field: str) -> str:
        return dict(self.names)[field] or ""

    def conditions(self) -> tuple[Condition, ...]:
        """What holds of the rows of the thing, beside that they are its cluster's."""
        return tuple(
            Condition(field, "==", value or "") for field, value in self.names if field in FIELDS and field != "cluster"
        )


@dataclass(frozen=True)
class Names:
    """Different combinations of names in a file, and for each kind the first digits of their ids, sorted, with the row
    that each is of."""

    rows: pa.Table
    ids: dict[str, tuple[NDArray[np.uint64], NDArray[np.int64]]]

    def find(self, kind: Kind, identifier: str, scope: Scope, parent: Entity | None) -> Entity | None:
        """What the id stands for, if the scope shows any of it, and it is of the parent where there is one."""
        if kind.name not in self.ids:
            return None
        known, places = self.ids[kind.name]
        sought = np.uint64(int(identifier.replace("-", "")[:DIGITS], 16))
        first, last = np.searchsorted(known, sought, "left"), np.searchsorted(known, sought, "right")
        for row in self.rows.take(places[first:last]).to_pylist():
            names = tuple((name, row[name]) for name in kind.names)
            is_it = kind.id(*(value for _, value in names)) == identifier
            is_of_parent = not parent or all(row[name] == value for name, value in parent.names)
            if is_it and is_of_parent and scope.includes(row["cluster"], row["project"]):
                return Entity(kind.name, identifier, names)
        return None


@dataclass
class Entities:
    """Finds what ids stand for. Safe to use from several threads."""

    _indexed: dict[str, list[Names]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, asker: Asker, kind: Kind, identifier: str, parent: Entity | None = None) -> Entity | None:
        """What an id stands for, of what belongs to a parent; None where it is unknown, or nothing of it may be
        seen."""
        if kind.name == "cluster":
            named = {cluster_id(each.name): each.name for each in asker.clusters()}
            return Entity("cluster", identifier, (("cluster", named[identifier]),)) if identifier in named else None
        if kind.name == "department":
            return self._department(asker, identifier)
        if not is_id(identifier):
            return None
        made = self._project(asker, identifier) if kind.name == "project" else None
        if made:
            return made
        found = (names.find(kind, identifier, asker.scope, parent) for names in self._names(asker.engine))
        return next((entity for entity in found if entity), None)

    def find_node_pool(self, asker: Asker, cluster: str, name: str) -> Entity | None:
        """A node pool by its name, in which clients may have changed underscores to dashes."""
        alike = name.replace("_", "-")
        for names in self._names(asker.engine):
            if "node_pool" not in names.ids:
                continue
            pools = names.rows["node_pool"].cast(pa.string())
            is_meant = pc.equal(pc.replace_substring(pools, "_", "-"), alike)
            for row in names.rows.filter(pc.fill_null(is_meant, False)).to_pylist():
                pool = row["node_pool"]
                if row["cluster"] == cluster and asker.scope.includes(cluster, row["project"]):
                    named = (("cluster", cluster), ("node_pool", pool))
                    return Entity("node_pool", NODE_POOL.id(cluster, pool), named)
        return None

    def _department(self, asker: Asker, identifier: str) -> Entity | None:
        accounting = asker.engine.accounting
        configured = dict.fromkeys(each.name for each in accounting.departments)
        for cluster in asker.clusters():
            made = (name for home, name in accounting.assigned.departments if home == cluster.name)
            for department in (*configured, *made):
                if DEPARTMENT.id(cluster.name, department) == identifier:
                    names = (("cluster", cluster.name), ("department", department))
                    return Entity("department", identifier, names)
        return None

    def _project(self, asker: Asker, identifier: str) -> Entity | None:
        """A project that was made by the API, which the lake need not know yet."""
        cluster, project = asker.engine.accounting.assigned.projects.get(identifier, ("", ""))
        if not project or not asker.scope.includes(cluster, project):
            return None
        return Entity("project", identifier, (("cluster", cluster), ("project", project)))

    def _names(self, engine: Engine) -> Iterator[Names]:
        """The names in all files, those of the newest first."""
        listed = []
        for table in (engine.lake.ledger, engine.lake.workloads):
            files = table.snapshot().files
            files = files.filter(pc.is_in(files["layer"], pa.array(["hour", ""])))
            paths = (f"{table.snapshot().folder}/{path}" for path in files["path"].to_pylist())
            listed += list(zip(files["max_window"].to_pylist(), paths, [table] * len(files), strict=True))
        listed.sort(key=lambda each: each[0], reverse=True)
        self._forget({path for _, path, _ in listed})
        for _, path, table in listed:
            yield from self._index(engine, table, path)

    def _forget(self, paths: set[str]) -> None:
        with self._lock:
            for path in self._indexed.keys() - paths:
                del self._indexed[path]

    def _index(self, engine: Engine, table: Table, path: str) -> list[Names]:
        if path not in self._indexed:
            is_ledger = table is engine.lake.ledger
            made = (
                [
                    index(engine, table, path, IN_PLACES, (NODE_POOL, NODE, PROJECT)),
                    index(engine, table, path, IN_HOLDERS, (WORKLOAD, POD), "kind = 'gpu' and workload is not null"),
                ]
                if is_ledger
                else [index(engine, table, path, IN_CHANGES, (WORKLOAD, PROJECT))]
            )
            with self._lock:
                self._indexed[path] = made
        return self._indexed[path]


def index(
    engine: Engine, table: Table, path: str, columns: tuple[str, ...], kinds: tuple[Kind, ...], condition: str = "true"
) -> Names:
    digests = {kind.name: kind.digest_sql(*kind.names) for kind in kinds}
    found = engine.ask_files("names", table, [path], columns=columns, digests=digests, condition=condition)
    ids = {kind.name: first_digits(found[f"{kind.name}_digest"].combine_chunks()) for kind in kinds}
    kept = found.select(list(columns))
    return Names(pa.table([column.dictionary_encode() for column in kept.columns], kept.column_names), ids)


def first_digits(digests: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Sorted, with the rows that they are of; without those that are null."""
    rows = np.flatnonzero(digests.is_valid().to_numpy(zero_copy_only=False))
    text = "".join(pc.utf8_slice_codeunits(digests.drop_null(), 0, DIGITS).to_pylist())
    numbers = np.frombuffer(bytes.fromhex(text), ">u8").astype(np.uint64)
    order = np.argsort(numbers, kind="stable")
    return numbers[order], rows[order]


def is_id(text: str) -> bool:
    digits = text.replace("-", "")
    return len(digits) == 2 * DIGITS and all(digit in "0123456789abcdef" for digit in digits)
