"""The demo from start to end: history, real Prometheus servers, collection, the service; all stopped again."""

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from metrics_api.demo.fleet import CLUSTERS, HISTORY, Cluster
from metrics_api.demo.history import days_between, write_history
from metrics_api.demo.servers import (
    Exporters,
    ServerError,
    free_port,
    prometheus_config,
    start,
    start_prometheus,
    stop,
    wait_until_ready,
)
from queries.control.applications import NameTakenError, create_application, create_link
from queries.control.database import Control
from queries.lake import Lake
from queries.settings import Settings

CREDENTIAL = "demo"
"""Client id and secret of the demo's application."""

HEARTBEAT = 10.0
"""How many seconds apart the demo notes until when its Prometheus servers have seen the fleet."""

SHORTEST_GAP = 120
"""A shorter time (seconds) than this between two runs is left as it is: a gap."""

console = Console()


class DemoError(Exception):
    """The demo cannot run here; the message says what would be right."""


@dataclass(frozen=True)
class Folder:
    """Where the demo keeps what it makes, from one run to the next."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "metrics.toml"

    @property
    def seen_until(self) -> Path:
        return self.path / "seen-until"

    def storage(self, cluster: Cluster) -> Path:
        return self.path / "prometheus" / cluster.name

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"


def run_demo(path: Path) -> None:
    """Run the demo until it is told to stop.

    Raises:
        DemoError, ServerError, HistoryError: it cannot; the message says why.
    """
    folder = Folder(path.absolute())
    told_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    check_programs()
    ports = {cluster.name: free_port() for cluster in CLUSTERS}
    write_config(folder, ports)
    settings = Settings.load(folder.config)
    check_port(settings)
    make_history(folder)
    exporters = Exporters(CLUSTERS)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes += (start_server(each, folder, exporters.address, ports[each.name]) for each in CLUSTERS)
        link = sign_up(settings)
        if told_to_stop.is_set() or not collect(folder, told_to_stop):
            return
        processes.insert(0, serve(folder, settings))
        introduce(settings, link, ports)
        wait(folder, processes, told_to_stop)
    finally:
        console.print("stopping everything")
        stop(processes)
        exporters.stop()


def check_programs() -> None:
    for program in ("prometheus", "promtool"):
        if not shutil.which(program):
            raise DemoError(
                f"{program} is not on the PATH; `make demo` fetches it, or install your system's prometheus"
            )


def check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.server.host, settings.server.port))
        except OSError as error:
            where = f"{settings.server.host}:{settings.server.port}"
            raise DemoError(f"cannot listen on {where}: {error.strerror}; METRICS_API_SERVER__PORT moves it") from None


def write_config(folder: Folder, ports: dict[str, int]) -> None:
    """The configuration that the demo's service runs with: a file to learn from."""
    folder.path.mkdir(parents=True, exist_ok=True)
    clusters = "".join(
        f'\n[[clusters]]\nname = "{cluster.name}"\nprometheus = "http://127.0.0.1:{ports[cluster.name]}"\n'
        f'backfill = "{HISTORY.days}d"\n'
        for cluster in CLUSTERS
    )
    folder.config.write_text(
        "# Written by the demo at every start.\n\n"
        f'[store]\npath = "{folder.path / "data"}"\n\n[collect]\ntick = "30s"\n{clusters}'
    )


def make_history(folder: Folder) -> None:
    """Write what the Prometheus servers have missed: seven days at first, later the time since the last run."""
    now = int(time.time())
    since = now - int(HISTORY.total_seconds())
    if folder.seen_until.is_file():
        since = max(since, int(float(folder.seen_until.read_text())))
    if now - since < SHORTEST_GAP:
        return
    tasks = [
        (cluster, first, last, folder.storage(cluster))
        for first, last in days_between(since, now)
        for cluster in CLUSTERS
    ]
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(min(len(tasks), os.cpu_count() or 1), mp_context=context) as pool,
        Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        ) as bar,
    ):
        shown = bar.add_task("writing history with promtool", total=len(tasks))
        for written in [
            pool.submit(write_one, cluster.name, first, last, storage) for cluster, first, last, storage in tasks
        ]:
            written.result()
            bar.advance(shown)
    folder.seen_until.write_text(str(now))


def write_one(name: str, first: int, last: int, storage: Path) -> int:
    """The same, for a process of its own: clusters are handed over by name."""
    return write_history(next(cluster for cluster in CLUSTERS if cluster.name == name), first, last, storage)


def start_server(cluster: Cluster, folder: Folder, address: str, port: int) -> subprocess.Popen[bytes]:
    console.print(f"starting a Prometheus for cluster {cluster.name} at http://127.0.0.1:{port}")
    config = folder.path / f"prometheus-{cluster.name}.yml"
    config.write_text(prometheus_config(cluster, address))
    log = folder.log(f"prometheus-{cluster.name}")
    process = start_prometheus(config, folder.storage(cluster), port, log)
    wait_until_ready(f"the Prometheus of {cluster.name}", f"http://127.0.0.1:{port}/-/ready", process, log)
    return process


def sign_up(settings: Settings) -> str:
    """Make the demo's application, unless it is there, and a link that opens the page signed in."""
    Lake(settings.store.path).create()
    control = Control(settings.store.control_url)
    with suppress(NameTakenError):
        create_application(control, CREDENTIAL, CREDENTIAL, CREDENTIAL)
    code = create_link(control, CREDENTIAL)
    control.close()
    return f"{address_of(settings)}/#link={code}"


def collect(folder: Folder, told_to_stop: threading.Event) -> bool:
    """Fill the lake, with a progress bar. False: told to stop before it was done."""
    console.print("collecting into the lake")
    since = int(time.time() - HISTORY.total_seconds()) // 3600 * 3600
    command = [sys.executable, "-m", "collectors", "backfill", "--from", str(since), "--config", str(folder.config)]
    child = subprocess.Popen(command)
    while child.poll() is None:
        if told_to_stop.wait(0.1):
            stop([child])
            return False
    if child.returncode:
        raise DemoError("collecting failed; what was said above tells why")
    return True


def serve(folder: Folder, settings: Settings) -> subprocess.Popen[bytes]:
    log = folder.log("serve")
    process = start([sys.executable, "-m", "metrics_api", "serve", "--config", folder.config], log)
    try:
        wait_until_ready("the service", f"{address_of(settings)}/readyz", process, log)
    except ServerError:
        stop([process])
        raise
    return process


def address_of(settings: Settings) -> str:
    return f"http://{settings.server.host}:{settings.server.port}"


def introduce(settings: Settings, link: str, ports: dict[str, int]) -> None:
    address = address_of(settings)
    body = f'{{"grantType": "client_credentials", "clientID": "{CREDENTIAL}", "clientSecret": "{CREDENTIAL}"}}'
    token = f'$(curl -s {address}/api/v1/token -d \'{body}\' | sed \'s/.*"accessToken":"\\([^"]*\\)".*/\\1/\')'
    console.rule("The demo is ready")
    lines = [
        f"The page:           {address}",
        f"Signed in, once:    {link}",
        f"To sign in again:   client id {CREDENTIAL}, secret {CREDENTIAL}",
        f"Documentation:      {address}/api/docs",
        *(f"Prometheus {name + ':':<9}http://127.0.0.1:{port}" for name, port in ports.items()),
        "",
        "Ask it yourself:",
        f'curl -s "{address}/api/v1/ledger?by=project&format=csv" -H "Authorization: Bearer {token}"',
        "",
        "Ctrl-C stops everything.",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def wait(folder: Folder, processes: list[subprocess.Popen[bytes]], told_to_stop: threading.Event) -> None:
    """Until told to stop, note until when the fleet was seen, and that all still run."""
    while not told_to_stop.wait(HEARTBEAT):
        folder.seen_until.write_text(str(time.time()))
        ended = [process for process in processes if process.poll() is not None]
        if ended:
            raise DemoError(f"{ended[0].args!r} ended with code {ended[0].returncode}; its log is in {folder.path}")
