"""Warming: a thread that keeps the newest part of the ledger, and the rosters, in memory, while questions are
answered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from queries.engine import Engine
from queries.lake_error import LakeError
from queries.rosters.register import Register
from queries.snapshot import Snapshot
from queries.stop import StoppedError

EVERY = 1.0
"""Seconds between two looks at whether the ledger has changed."""

log = structlog.get_logger()


class Warming:
    def __init__(self, engine: Engine, register: Register) -> None:
        self.engine = engine
        self.register = register
        self._problems: dict[str, str] = {}
        self._told_to_stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="warming", daemon=True)

    def start(self) -> None:
        if self.engine.hot.most_bytes or self.register.most_bytes:
            self._thread.start()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._told_to_stop.set()
        while self._thread.is_alive():
            self.engine.hot.stop.call()
            self.register.stop()
            self._thread.join(EVERY)

    def _run(self) -> None:
        done: Snapshot | None = None
        while not self._told_to_stop.is_set():
            try:
                done = self._follow(done)
            except StoppedError:
                return
            self._told_to_stop.wait(EVERY)

    def _follow(self, done: Snapshot | None) -> Snapshot | None:
        """Hold what is newest now, unless that was done.

        Returns:
            The version for which nothing is left to do.
        """
        snapshot = done
        with self._telling("the newest of the ledger is not all in memory; its files are read"):
            snapshot = self.engine.lake.snapshot()
            if not (done and done.files is snapshot.files):
                snapshot = snapshot if self.engine.hot.refresh(snapshot) else None
        with self._telling("the lists of workloads are not in memory; their files are read"):
            self.register.refresh()
        return snapshot

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """What of the lake cannot be read is told: once, and not every second."""
        try:
            yield
        except LakeError as error:
            if self._problems.get(what) != str(error):
                log.warning(what, problem=str(error))
            self._problems[what] = str(error)
