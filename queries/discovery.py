"""Discovery: what there is in the lake gets rows in the control database."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Look:
    """Which version of the lake was looked through, and when."""

    version: int
    time: float


class Discovery:
    """Looks through the lake when something is asked for that depends on it."""

    def __init__(
        self, control: Control, engine: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._control = control
        self._engine = engine
        self._departments = settings.departments
        self._lock = threading.Lock()
        self._recent = self._whole = Look(-1, float("-inf"))
        configured = Found(frozenset(cluster.name for cluster in settings.clusters))
        register(control, configured, settings.departments)

    def run(self) -> None:
        """Look through what is new, if that was not done just now. Whoever comes meanwhile waits for it."""
        with self._lock:
            now = self._clock()
            if now - self._recent.time < PAUSE_SECONDS:
                return
            look = Look(self._engine.lake.snapshot().version, now)
            if look.version != self._whole.version and now - self._whole.time >= WHOLE_SECONDS:
                self._register(EARLIEST)
                self._whole = look
            elif look.version != self._recent.version:
                self._register(datetime.now(UTC) - RECENT)
            self._recent = look

    def _register(self, since: datetime) -> None:
        register(self._control, self._found(since), self._departments)

    def _found(self, since: datetime) -> Found:
        window = Window(since, datetime.now(UTC) + HOUR)
        times = {"start": int(window.start.timestamp()), "end": int(window.end.timestamp())}
        snapshot = self._engine.lake.snapshot()
        rows = self._engine.ask("found", EVERYTHING, snapshot, [Part("hour", window)], times)
        changes = self._engine.ask_changes("found_changes", EVERYTHING, window, {})
        return Found.of_rows([*rows.to_pylist(), *changes.to_pylist()])
