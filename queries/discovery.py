"""Discovery: what there is in the lake gets rows in the control database."""

import threading
import time
from datetime import UTC, datetime, timedelta

from queries.control.database import Control
from queries.control.organisation import Found, register
from queries.engine import Engine
from queries.plan import Part
from queries.scope import EVERYTHING
from queries.settings import Settings
from queries.window import HOUR, Window

PAUSE_SECONDS = 30.0
"""How often the lake is looked through at the most."""

RECENT = timedelta(days=2)
"""How far back it is looked through again; and once an hour all of it, since a backfill writes the past."""

WHOLE_SECONDS = 3600.0

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)


class Discovery:
    """Looks through the lake when something is asked for that depends on it."""

    def __init__(self, control: Control, engine: Engine, settings: Settings) -> None:
        self._control = control
        self._engine = engine
        self._departments = settings.departments
        self._lock = threading.Lock()
        self._version = -1
        self._looked_at = self._looked_at_all = float("-inf")
        configured = Found(frozenset(cluster.name for cluster in settings.clusters))
        register(control, configured, settings.departments)

    def run(self) -> None:
        """Look through what is new, if that was not done just now. Whoever comes meanwhile waits for it."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at < PAUSE_SECONDS:
                return
            snapshot = self._engine.lake.snapshot()
            if snapshot.version != self._version:
                is_whole = now - self._looked_at_all > WHOLE_SECONDS
                register(self._control, self._found(EARLIEST if is_whole else None), self._departments)
                self._looked_at_all = now if is_whole else self._looked_at_all
            self._version, self._looked_at = snapshot.version, now

    def _found(self, since: datetime | None) -> Found:
        now = datetime.now(UTC)
        window = Window(since or now - RECENT, now + HOUR)
        times = {"start": int(window.start.timestamp()), "end": int(window.end.timestamp())}
        snapshot = self._engine.lake.snapshot()
        rows = self._engine.ask("found", EVERYTHING, snapshot, [Part("hour", window)], times)
        changes = self._engine.ask_changes("found_changes", EVERYTHING, window, {})
        return Found.of_rows([*rows.to_pylist(), *changes.to_pylist()])
