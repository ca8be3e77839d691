"""Collecting: the collector as a child process, minded: collection never takes the API's processor time."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import structlog

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 60.0

PATIENCE = 20.0
"""How many seconds a child has to finish the hour it is writing before it is killed. Killing it is safe too."""

log = structlog.get_logger()


class Minder:
    """Starts ``metrics-collect run``, starts it again when it ends, later each time, and stops it. The child also stops
    by itself when this process is gone: its standard input ends then."""

    def __init__(self, config: Path | None) -> None:
        options = ["--config", str(config)] if config else []
        self.command = [sys.executable, "-m", "collectors", "run", "--until-stdin-closes", *options]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._mind, name="minder", daemon=True)
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._child:
            self._child.terminate()
        self._thread.join(PATIENCE)
        if self._child and self._child.poll() is None:
            self._child.kill()

    def _mind(self) -> None:
        wait = SHORTEST_WAIT
        while not self._stop.is_set():
            began = time.monotonic()
            with subprocess.Popen(self.command, stdin=subprocess.PIPE) as child:
                self._child = child
                code = child.wait()
            if self._stop.is_set():
                return
            wait = SHORTEST_WAIT if time.monotonic() - began > LONGEST_WAIT else min(wait * 2, LONGEST_WAIT)
            log.error("the collector ended; it is started again", code=code, seconds=wait)
            self._stop.wait(wait)
