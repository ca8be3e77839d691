import socket
import struct
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from metrics_api.demo.fleet import CLUSTERS, HOUR
from metrics_api.demo.servers import Exporters, ServerError, free_port, start, stop, wait_until_ready
from metrics_api.demo.targets import exporters
from tests.metrics_api.demo.pages import MONDAY, page

PATIENCE = 60.0


def test_every_target_has_a_page_of_its_own() -> None:
    moment = MONDAY + HOUR
    fleet = Exporters(CLUSTERS, clock=lambda: moment)
    try:
        for cluster in CLUSTERS:
            for exporter in exporters(cluster):
                answer = requests.get(f"http://{fleet.address}{exporter.target.path}", timeout=PATIENCE)
                assert answer.text == page(exporter, moment)
                assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert requests.get(f"http://{fleet.address}/nothing", timeout=PATIENCE).status_code == 404
    finally:
        fleet.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{fleet.address}/alpha/kueue", timeout=PATIENCE)


def test_a_server_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start([sys.executable, "-c", "import sys; sys.exit('there is no room')"], log)
    with pytest.raises(ServerError, match="the service did not start; it said:\nthere is no room"):
        wait_until_ready("the service", f"http://127.0.0.1:{free_port()}", process, log)


STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
)


def started(program: str, log: Path) -> "subprocess.Popen[bytes]":
    """A program that has said something."""
    process = start([sys.executable, "-c", program], log)
    deadline = time.monotonic() + PATIENCE
    while not log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_what_does_not_stop_politely_is_killed(tmp_path: Path) -> None:
    polite = started("print('on', flush=True); import time; time.sleep(600)", tmp_path / "polite")
    stubborn = started(STUBBORN, tmp_path / "stubborn")
    stop([polite, stubborn], patience=0.2)
    assert (polite.returncode, stubborn.returncode) == (-15, -9)


def test_a_server_ends_when_what_started_it_is_killed(tmp_path: Path) -> None:
    program = f"""
        import time
        from pathlib import Path
        from metrics_api.demo.servers import start
        print(start(["sleep", "600"], Path({str(tmp_path / "log")!r})).pid, flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    deadline = time.monotonic() + PATIENCE
    with suppress(psutil.NoSuchProcess):
        while child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_scrape_that_is_broken_off_is_not_worth_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    fleet = Exporters(CLUSTERS)
    host, _, port = fleet.address.partition(":")
    path = exporters(CLUSTERS[0])[0].target.path
    for _ in range(5):
        with socket.create_connection((host, int(port))) as scrape:
            scrape.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset at once
            scrape.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    time.sleep(0.5)
    fleet.stop()
    assert "Error" not in capfd.readouterr().err
