"""Register: the workloads and pods that there are, whose they are, and what they hold of GPUs now."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa

from queries.datasets import TIME
from queries.departments import department_of
from queries.engine import Engine, in_utc
from queries.ids import POD, WORKLOAD, cluster_id, department_id, project_id
from queries.plan import Part, plan
from queries.question import LATE, Asker, ClusterState
from queries.rosters.roster import PODS, WORKLOADS, Roster, Version
from queries.scope import EVERYTHING, Scope
from queries.stop import read_at_most
from queries.template import read_template, words
from queries.view import scoped
from queries.window import Window
from queries.workload_types import category_sql, framework_sql
from queries.workload_usage import RECENT

NEWEST = timedelta(minutes=15)
"""In which time before it was last collected the newest step of a cluster lies."""

HOMES = pa.schema(
    [(name, pa.string()) for name in ("cluster", "cluster_id", "project", "project_id", "department", "department_id")]
)
"""Where workloads are at home."""

KNOWN = pa.schema([("cluster", pa.string()), ("known_until", TIME), ("is_known_now", pa.bool_())])
"""Until when it is known of a cluster how its workloads are."""


JOINED = {
    "homes": {"cluster_id", "project_id", "department", "department_id"},
    "known": {"pending_seconds", "running_seconds"},
    "held": {"allocated_gpus", "idle_gpus", "node_pool", "is_running", "completed_at", "current_node_pool"},
}
"""What describes a workload or pod, by the table that tells it. Who asks for none of a table's columns, waits for no
join with it."""


@dataclass(frozen=True)
class Held:
    """What is held of GPUs in the newest step of the clusters that are not late; and the workloads among its holders of
    which nothing was told, since they were there before anybody looked."""

    version: tuple[object, ...]
    rows: pa.Table
    untold: pa.Table


class Register:
    """Answers what is asked of both rosters. Safe to use from several threads, of which one refreshes."""

    def __init__(self, engine: Engine, most_bytes: int) -> None:
        self.engine = engine
        self.most_bytes = most_bytes
        self.workloads, self.pods = (Roster(engine.lake, listed, most_bytes // 2) for listed in (WORKLOADS, PODS))
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._homes: dict[str, tuple[object, pa.Table]] = {}

    @property
    def bytes(self) -> int:
        return self.workloads.bytes + self.pods.bytes

    def refresh(self) -> None:
        """Raises:
        LakeError: a file is damaged or gone.
        StoppedError: it was stopped.
        """
        self.workloads.refresh()
        self.pods.refresh()

    def stop(self) -> None:
        """End a refresh that is under way."""
        for roster in (self.workloads, self.pods):
            roster.stop.call()

    def close(self) -> None:
        for roster in (self.workloads, self.pods):
            roster.close()

    def ask(self, asker: Asker, question: str, of: str, parameters: Mapping[str, Any], **texts: Any) -> pa.Table:
        """Run one question file over what of the workloads or pods a scope shows. of: which of them.

        texts: as of an Engine's questions.
        """
        sql = read_template("queries.questions", question)
        roster = self.pods if of == PODS.name else self.workloads
        held, version = self.held(asker), roster.version()
        relations = {
            "scope": asker.scope.table(),
            "every_home": self._homes_of(asker, roster, version, held),
            "known": known(asker),
            "every_held": held.rows,
            "untold": held.untold,
        } | touched(version)
        rendered = sql.render(
            rows=rows_of(roster, version),
            homes=scoped("select * from every_home", asker.scope),
            held=scoped("select * from every_held", asker.scope),
            asked_of=asked_of(asker.scope, " ".join([*texts["conditions"], texts["order"]])),
            category=category_sql(),
            framework=framework_sql(),
            of=of,
            **texts,
        )
        times = {"late": int(LATE.total_seconds())}
        return self._run(asker, roster, rendered, dict(parameters) | times, relations)

    def held(self, asker: Asker) -> Held:
        """Of the newest version of the lake."""
        states = [each for each in everywhere(asker).clusters() if each.status == "ok"]
        version = (asker.snapshot.version, self.workloads.version().files, tuple(each.name for each in states))
        with self._lock:
            if self._held is None or self._held.version != version:
                rows = self._held_now(asker, states)
                self._held = Held(version, rows, self._untold(asker, rows))
            return self._held

    def _held_now(self, asker: Asker, states: list[ClusterState]) -> pa.Table:
        ends = [each.collected_until for each in states if each.collected_until]
        window = Window(min(ends) - NEWEST, max(ends)) if ends else Window(asker.now - NEWEST, asker.now)
        rows = asker.engine.ask(
            "held_now",
            EVERYTHING.within(each.name for each in states),
            asker.snapshot,
            [Part("raw", window)],
            seconds_of(window),
            workload_id=WORKLOAD.sql(*WORKLOAD.names),
            pod_id=POD.sql(*POD.names),
        )
        return plain(rows)

    def _untold(self, asker: Asker, held: pa.Table) -> pa.Table:
        """As rows of the workloads' roster."""
        roster, version = self.workloads, self.workloads.version()
        sql = read_template("queries.rosters", "untold").render(rows=roster.rows(version))
        relations = {"held": held} | touched(version)
        found = self._run(everywhere(asker), roster, sql, {}, relations)
        if not len(found):
            return found.append_column("changed_at", pa.nulls(0, TIME)).append_column("created_at", pa.nulls(0, TIME))
        window = Window(asker.now - RECENT, asker.now)
        since = asker.engine.ask(
            "first_held",
            EVERYTHING,
            asker.snapshot,
            plan(window, None, asker.snapshot.samples_since()),
            seconds_of(window),
            relations={"chosen": found},
        )
        keys = list(WORKLOAD.names)
        return plain(found).join(plain(since), keys)

    def _homes_of(self, asker: Asker, roster: Roster, version: Version, held: Held) -> pa.Table:
        """With the departments of this hour, as the API and the settings have them."""
        revision = asker.engine.accounting.assigned.revision
        name, key = roster.listed.name, (version.files, held.version, revision, Window.hour_of(asker.now))
        if name not in self._homes or self._homes[name][0] != key:
            relations = {"untold": held.untold} | touched(version)
            sql = f"select distinct cluster, project from ({rows_of(roster, version)}) as told"
            pairs = self._run(everywhere(asker), roster, sql, {}, relations)
            self._homes[name] = key, homes_of(pairs, asker)
        return self._homes[name][1]

    def _run(
        self, asker: Asker, roster: Roster, sql: str, parameters: Mapping[str, Any], relations: Mapping[str, pa.Table]
    ) -> pa.Table:
        used = {name: value for name, value in parameters.items() if f"${name}" in sql}
        with roster.cursor(asker.engine.stop) as cursor:
            for name, table in relations.items():
                if name in sql:
                    cursor.register(name, table)
            return in_utc(read_at_most(cursor, sql, used, asker.engine.most_rows))


def asked_of(scope: Scope, sql: str) -> list[str]:
    """The tables that tell which rows are asked for, in which order: what a scope shows, homes tell."""
    asked = {table for table, columns in JOINED.items() if columns & words(sql)}
    asked |= set() if scope.is_everything else {"homes"}
    return sorted(asked | ({"known"} if "held" in asked else set()))


def homes_of(pairs: pa.Table, asker: Asker) -> pa.Table:
    departments, assigned = asker.engine.accounting.departments, asker.engine.accounting.assigned
    rows = []
    for pair in pairs.to_pylist():
        cluster, project = pair["cluster"], pair["project"]
        department = assigned.memberships.get((cluster, project))
        if department is None and project is not None:
            department = department_of(project, departments, asker.now)
        ids = {
            "cluster_id": cluster_id(cluster),
            "project_id": None if project is None else project_id(cluster, project),
            "department_id": None if department is None else department_id(cluster, department),
        }
        rows.append(pair | {"department": department} | ids)
    return pa.Table.from_pylist(rows, HOMES)


def known(asker: Asker) -> pa.Table:
    rows = [
        {"cluster": each.name, "known_until": each.collected_until, "is_known_now": each.status == "ok"}
        for each in everywhere(asker).clusters()
    ]
    return pa.Table.from_pylist(rows, KNOWN)


def touched(version: Version) -> dict[str, pa.Table]:
    return {} if version.touched is None else {"touched": version.touched}


def rows_of(roster: Roster, version: Version) -> str:
    """With the workloads of which nothing was told."""
    rows = roster.rows(version)
    return f"{rows} union all by name select * from untold" if roster.listed is WORKLOADS else rows


def everywhere(asker: Asker) -> Asker:
    """The same for everything: what is made with it, is shown through a scope."""
    return Asker(asker.engine, EVERYTHING, asker.collected, asker.now, asker.snapshot, asker.deleted)


def seconds_of(window: Window) -> dict[str, int]:
    return {"start": int(window.start.timestamp()), "end": int(window.end.timestamp())}


def plain(rows: pa.Table) -> pa.Table:
    """Without dictionaries, which not everything can be joined with."""
    columns = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in rows.columns]
    return pa.table(columns, rows.column_names)
