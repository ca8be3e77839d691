"""Servers: the processes and the simulated exporters that the demo runs, and how they end with it."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from metrics_api.demo.exposition import print_page
from metrics_api.demo.fleet import Cluster
from metrics_api.demo.targets import Exporter, exporters

PATIENCE = 60.0
"""How many seconds a server has to become ready."""

SCRAPE_INTERVAL = "30s"

LIBC = ctypes.CDLL(None)

PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server did not start; the message says which, and what it said."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    """Have Linux end this process when the one that started it is gone, however that went."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command: list[str | Path], log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that ends when this process does; what it prints goes to a file."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one call, of what is loaded already
        )


def stop(processes: Iterable[subprocess.Popen[bytes]], patience: float = 20.0) -> None:
    """End processes in order: politely, then not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(name: str, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers.

    Raises:
        ServerError: it ended, or took too long.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an address of ours
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    said = log.read_text(errors="replace").strip().splitlines()[-5:]
    raise ServerError(f"{name} did not start; it said:\n" + "\n".join(said))


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A Prometheus that is stopped while it scrapes is not worth a line."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Exporters:
    """The exporters of all clusters, as one HTTP server: each target is a path. clock: tells the fleet's time."""

    def __init__(self, clusters: Iterable[Cluster], clock: Callable[[], float] = time.time) -> None:
        pages = {exporter.target.path: exporter for cluster in clusters for exporter in exporters(cluster)}

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                exporter = pages.get(self.path)
                code, body = (404, "") if exporter is None else page_of(exporter, clock())
                self.send_response(code)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Scrapes are not worth a line."""

        self._server = Server(("127.0.0.1", 0), Page)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="exporters", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def page_of(exporter: Exporter, now: float) -> tuple[int, str]:
    if exporter.is_down(now):
        return 503, ""
    return 200, print_page(exporter.series(np.array([now])))


def prometheus_config(cluster: Cluster, address: str) -> str:
    """A Prometheus configuration that scrapes a cluster's exporters."""
    scrapes = []
    for exporter in exporters(cluster):
        target = exporter.target
        labels = "".join(f"          {name}: {value!r}\n" for name, value in target.labels.items() if name != "job")
        scrapes.append(
            f"  - job_name: {target.path.strip('/').replace('/', '-')}\n"
            f"    metrics_path: {target.path}\n"
            f"    honor_labels: {str(target.honors_labels).lower()}\n"
            f"    static_configs:\n"
            f"      - targets: ['{address}']\n"
            f"        labels:\n{labels}          __tmp_job: {target.labels['job']!r}\n"
            f"    relabel_configs:\n"
            f"      - {{source_labels: [__tmp_job], target_label: job}}\n"
        )
    return (
        f"global: {{scrape_interval: {SCRAPE_INTERVAL}, external_labels: {{cluster: {cluster.name}}}}}\n"
        f"scrape_configs:\n{''.join(scrapes)}"
    )


def start_prometheus(config: Path, storage: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    return start(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={storage}",
            "--storage.tsdb.retention.time=30d",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ],
        log,
    )
