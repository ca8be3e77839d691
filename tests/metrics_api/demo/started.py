"""Started: a demo that runs, as a user starts it: what it printed, and how it is asked and stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import requests

from metrics_api.demo.fleet import CLUSTERS

PATIENCE = 240.0

LAST_LINE = "Ctrl-C stops everything."


@dataclass
class Demo:
    """A demo that was started in a folder, and what it printed."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, folder: Path, port: int, history: str = "2h") -> "Demo":
        folder.mkdir(exist_ok=True)
        variables = {name: value for name, value in os.environ.items() if not name.startswith("METRICS_API_")}
        with (folder / "printed").open("wb") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "metrics_api", "demo", "--history", history],
                cwd=folder,
                env=variables | {"METRICS_API_SERVER__PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(folder, port, process)

    @property
    def printed(self) -> str:
        return (self.folder / "printed").read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.printed:
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.05)

    def line(self, pattern: str) -> str:
        """What the one line that is printed like this says."""
        (found,) = re.findall(f"^{pattern}$", self.printed, re.MULTILINE)
        return str(found)

    @property
    def address(self) -> str:
        return self.line(r"The page: +(\S+)")

    @property
    def prometheus(self) -> dict[str, str]:
        return {cluster.name: self.line(rf"Prometheus {cluster.name}: +(\S+)") for cluster in CLUSTERS}

    @cached_property
    def session(self) -> requests.Session:
        """Signed in by the one-time link, as the page does it: browsers keep what is behind the #."""
        link = self.line(r"Signed in, once: +(\S+)")
        page, _, code = link.partition("/#link=")
        assert page == self.address
        opened = requests.get(link, timeout=PATIENCE)
        assert opened.headers["Content-Type"].startswith("text/html")
        exchange = {"grantType": "exchange_token", "code": code}
        answer = requests.post(f"{page}/api/v1/token", json=exchange, timeout=PATIENCE)
        answer.raise_for_status()
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"
        assert requests.post(f"{page}/api/v1/token", json=exchange, timeout=PATIENCE).status_code == 400
        return session

    def ask(self, path: str) -> Any:
        answer = self.session.get(f"{self.address}/api/v1/{path}", timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def running(self) -> list[psutil.Process]:
        """Everything that the demo has started, however deep, and what runs with its folder."""
        children = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        return [each for each in children if command_of(each)] + [
            each
            for each in psutil.process_iter()
            if each not in children and each.pid != self.process.pid and str(self.folder) in command_of(each)
        ]

    def stop(self, number: signal.Signals, is_for_all: bool = False) -> int:
        """Tell the demo to stop: it alone, or as a terminal's Ctrl-C does, with what it started. Returns its code."""
        if is_for_all:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Leave nothing behind, however a test went."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def command_of(process: psutil.Process) -> str:
    """What it was called with, if it still runs: '' for one that nobody has waited for, or that only waits itself for
    Python's processes to end."""
    try:
        command = "" if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
    return "" if "resource_tracker" in command else command
