"""Nodes: which there are, what each has, and how it is, as far as the ledger knows."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from queries.engine import Engine
from queries.ids import node_id
from queries.plan import Part
from queries.question import Asker
from queries.window import HOUR, Window

LATELY = timedelta(hours=24)
"""A node that was not seen for so long before its cluster was last collected is gone."""

NEWEST = timedelta(minutes=15)
"""How old the newest step of a cluster may be."""

REMEMBERED = 4
"""How many lists are remembered: of ten thousand nodes one takes some megabytes."""

Status = Literal["Ready", "NotReady", "Unknown"]


@dataclass(frozen=True)
class Node:
    """gpus: how many the actor may see; None of a node that has none. status: Unknown where the newest step of its
    cluster is too old, or does not tell. first_seen: in all that is kept of its cluster."""

    cluster: str
    name: str
    node_pool: str | None
    gpu_model: str | None
    gpus: int | None
    status: Status
    is_cordoned: bool
    is_drained: bool
    faulty_gpus: int
    first_seen: datetime
    last_seen: datetime

    @property
    def id(self) -> str:
        return node_id(self.cluster, self.name)


@dataclass
class FirstSeen:
    """When each node was first seen, by its cluster's and its own name; read once a file. Safe to use from several
    threads."""

    _known: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _read: frozenset[str] = frozenset()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, engine: Engine) -> Mapping[tuple[str, str], datetime]:
        with self._lock:
            table = engine.lake.ledger
            snapshot = table.snapshot()
            files = snapshot.files.filter(pc.equal(snapshot.files["layer"], "hour"))
            paths = frozenset(f"{snapshot.folder}/{path}" for path in files["path"].to_pylist())
            new = sorted(paths - self._read)
            if new:
                for row in engine.ask_files("first_seen", table, new).to_pylist():
                    key = (row["cluster"], row["node"])
                    self._known[key] = min(row["time"], self._known.get(key, row["time"]))
            self._read = paths
            return self._known


class Nodes:
    """Lists nodes. The last lists are remembered: whoever turns pages reads one. Safe to use from several threads."""

    def __init__(self) -> None:
        self._first_seen = FirstSeen()
        self._listed: OrderedDict[tuple[object, ...], list[Node]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, asker: Asker) -> list[Node]:
        """The nodes that the asker may see, by their clusters' and their own names."""
        with self._lock:
            known = self._listed.get(asker.state)
        if known is None:
            known = list_nodes(asker, self._first_seen)
            with self._lock:
                self._listed[asker.state] = known
                while len(self._listed) > REMEMBERED:
                    self._listed.popitem(last=False)
        return known


def list_nodes(asker: Asker, first_seen: FirstSeen) -> list[Node]:
    until = {each.name: each.collected_until for each in asker.clusters() if each.status != "deleted"}
    collected = {name: time for name, time in until.items() if time}
    if not collected:
        return []
    since = min(collected.values()) - LATELY
    rows = asker.engine.ask(
        "nodes",
        asker.scope,
        asker.snapshot,
        [Part("raw", Window(asker.now - NEWEST, asker.now + HOUR))],
        {},
        relations={"horizons": horizons(collected)},
        history=[Part("hour", Window(Window.hour_of(since).start, asker.now + HOUR))],
        with_times=True,
    ).to_pylist()
    known = first_seen.of(asker.engine)
    fresh = {each.name for each in asker.clusters() if each.status == "ok"}
    return [node_of(row, known, row["cluster"] in fresh) for row in rows]


def horizons(collected: Mapping[str, datetime]) -> pa.Table:
    return pa.table(
        {
            "known_cluster": pa.array(list(collected), pa.string()),
            "since": pa.array([int((time - LATELY).timestamp()) for time in collected.values()], pa.int64()),
        }
    )


def node_of(row: Mapping[str, Any], known: Mapping[tuple[str, str], datetime], is_fresh: bool) -> Node:
    """row: of ``questions/nodes.sql``. is_fresh: whether its cluster was collected just now."""
    last_seen = datetime.fromtimestamp(row["seen_until"], UTC)
    is_told = is_fresh and row["is_shown"]
    return Node(
        cluster=row["cluster"],
        name=row["node"],
        node_pool=row["node_pool"],
        gpu_model=row["gpu_model"],
        gpus=round(row["gpus"]) if row["gpus"] is not None else None,
        status=status_of(row) if is_told else "Unknown",
        is_cordoned=is_told and bool(row["is_cordoned"]),
        is_drained=is_told and bool(row["is_drained"]),
        faulty_gpus=round(row["faulty_gpus"] or 0) if is_told else 0,
        first_seen=known.get((row["cluster"], row["node"]), last_seen),
        last_seen=last_seen,
    )


def status_of(row: Mapping[str, Any]) -> Status:
    if row["is_not_ready"]:
        return "NotReady"
    return "Ready" if row["has_gpus"] and not row["is_unknown"] else "Unknown"
