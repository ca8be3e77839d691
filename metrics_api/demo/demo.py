"""The demo from start to end: history, real Prometheus servers, collection, the service; all stopped again."""

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from metrics_api.demo.fleet import CLUSTERS, Cluster
from metrics_api.demo.history import Day, days_between, write_days
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
from queries.control.applications import create_application, create_link
from queries.control.database import Control, NameTakenError
from queries.control.organisation import Found, register
from queries.control.roles import ADMINISTRATOR, RESEARCHER
from queries.control.rules import NewRule
from queries.control.tables import DEFAULT_TENANT
from queries.control.users import create_user
from queries.duration import format_duration
from queries.ids import project_id
from queries.lake import Lake
from queries.settings import Server, Settings

CREDENTIAL = "demo"
"""Client id and secret of the demo's application, and the password of its users."""

ALICES_PROJECT = ("alpha", "llm")

USERS = {
    "admin": NewRule(ADMINISTRATOR.id, "tenant", str(DEFAULT_TENANT)),
    "alice": NewRule(RESEARCHER.id, "project", project_id(*ALICES_PROJECT)),
}
"""Who may sign in, by the password that is the demo's: one who sees everything, and one who sees a project."""

HEARTBEAT = 10.0
"""How many seconds apart the demo looks whether all that it started still runs."""

SHORTEST_GAP = 120
"""A shorter time (seconds) than this since the history ended is left as it is."""

CARBON_INTENSITIES = {"alpha": 380, "beta": 45}
"""Grams of CO2e per kWh."""

ACCOUNTING = """
[[prices]]
gpu_model = "NVIDIA H100*"
per_gpu_hour = 2.40
currency = "EUR"

[[prices]]
gpu_model = "NVIDIA A100*"
per_gpu_hour = 1.30

[[departments]]
name = "language"
projects = ["llm", "speech"]

[[departments]]
name = "science"
projects = ["biology", "vision"]
"""

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
    def history_end(self) -> Path:
        return self.path / "history-end"

    def storage(self, cluster: Cluster) -> Path:
        return self.path / "prometheus" / cluster.name

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"


def run_demo(path: Path, history: timedelta) -> None:
    """Run the demo until it is told to stop. history: how far back the first start writes it.

    Raises:
        DemoError, ServerError, HistoryError: it cannot; the message says why.
    """
    folder = Folder(path.absolute())
    told_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    check_programs()
    check_port(Settings.load(None).server)
    ports = {cluster.name: free_port() for cluster in CLUSTERS}
    write_config(folder, ports, history)
    settings = Settings.load(folder.config)
    exporters = Exporters(CLUSTERS)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        if not make_history(folder, history, told_to_stop):
            return
        processes += (start_server(each, folder, exporters.address, ports[each.name]) for each in CLUSTERS)
        link = sign_up(settings)
        if not collect(folder, history, told_to_stop):
            return
        processes.insert(0, serve(folder, settings))
        introduce(settings, link, ports)
        watch(folder, processes, told_to_stop)
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


def check_port(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            where = f"{server.host}:{server.port}"
            raise DemoError(f"cannot listen on {where}: {error.strerror}; METRICS_API_SERVER__PORT moves it") from None


def write_config(folder: Folder, ports: dict[str, int], history: timedelta) -> None:
    """The configuration that the demo's service runs with: a file to learn from."""
    folder.path.mkdir(parents=True, exist_ok=True)
    clusters = "".join(
        f'\n[[clusters]]\nname = "{cluster.name}"\nprometheus = "http://127.0.0.1:{ports[cluster.name]}"\n'
        f'backfill = "{format_duration(history)}"\ncarbon_intensity = {CARBON_INTENSITIES[cluster.name]}\n'
        for cluster in CLUSTERS
    )
    folder.config.write_text(
        "# Written by the demo at every start.\n\n"
        f'[store]\npath = "{folder.path / "data"}"\n\n[collect]\ntick = "30s"\n{clusters}{ACCOUNTING}'
    )


def make_history(folder: Folder, history: timedelta, told_to_stop: threading.Event) -> bool:
    """Write what the Prometheus servers need of the past: at first all of it, later what came after the last history,
    for before the end of its newest block a Prometheus forgets what it scraped itself. False: told to stop before it
    was done."""
    now = int(time.time())
    since = now - int(history.total_seconds())
    if folder.history_end.is_file():
        since = max(since, int(folder.history_end.read_text()))
    if now - since < SHORTEST_GAP:
        return True
    days = [Day(each.name, *day, folder.storage(each)) for day in days_between(since, now) for each in CLUSTERS]
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as bar:
        shown = bar.add_task("writing history with promtool", total=len(days))
        for _ in write_days(days, told_to_stop):
            bar.advance(shown)
    if told_to_stop.is_set():
        return False
    folder.history_end.write_text(str(now))
    return True


def start_server(cluster: Cluster, folder: Folder, address: str, port: int) -> subprocess.Popen[bytes]:
    console.print(f"starting a Prometheus for cluster {cluster.name} at http://127.0.0.1:{port}")
    config = folder.path / f"prometheus-{cluster.name}.yml"
    config.write_text(prometheus_config(cluster, address))
    log = folder.log(f"prometheus-{cluster.name}")
    process = start_prometheus(config, folder.storage(cluster), port, log)
    wait_until_ready(f"the Prometheus of {cluster.name}", f"http://127.0.0.1:{port}/-/ready", process, log)
    return process


def sign_up(settings: Settings) -> str:
    """Make the demo's application and users, unless they are there, and a link that opens the page signed in."""
    Lake(settings.store.path).create()
    control = Control(settings.store.control_url)
    register(control, Found(projects=frozenset({ALICES_PROJECT})), settings.departments)
    with suppress(NameTakenError):
        create_application(control, CREDENTIAL, CREDENTIAL, CREDENTIAL)
    for username, rule in USERS.items():
        with suppress(NameTakenError):
            create_user(control, username, CREDENTIAL, rules=(rule,))
    code = create_link(control, CREDENTIAL)
    control.close()
    return f"{address_of(settings)}/#link={code}"


def collect(folder: Folder, history: timedelta, told_to_stop: threading.Event) -> bool:
    """Fill the lake, with a progress bar. False: told to stop before it was done."""
    console.print("collecting into the lake")
    since = int(time.time() - history.total_seconds()) // 3600 * 3600
    command = [sys.executable, "-m", "collectors", "backfill", "--from", str(since), "--config", str(folder.config)]
    child = subprocess.Popen(command)
    while child.poll() is None and not told_to_stop.wait(0.1):
        pass
    if told_to_stop.is_set():
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
        f"Or as a user:       {' and '.join(USERS)}, password {CREDENTIAL}; alice sees {ALICES_PROJECT[1]} alone",
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


def watch(folder: Folder, processes: list[subprocess.Popen[bytes]], told_to_stop: threading.Event) -> None:
    """Until told to stop, see that all still run."""
    while not told_to_stop.wait(HEARTBEAT):
        for process in processes:
            if process.poll() is not None:
                raise DemoError(f"{process.args!r} ended with code {process.returncode}; its log is in {folder.path}")
