"""The demo as a user runs it: with a short history, on a free port."""

import csv
import io
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from metrics_api.cli import app
from metrics_api.demo.fleet import CLUSTERS
from metrics_api.demo.servers import free_port
from queries.catalogue import LEDGER_COLUMNS
from tests.metrics_api.demo.pages import ask
from tests.metrics_api.demo.started import LAST_LINE, PATIENCE, Demo, command_of


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def assert_stops(demo: Demo, number: signal.Signals) -> None:
    """The demo ends well, and with it everything that it started."""
    started = demo.running()
    assert [process.name() for process in started].count("prometheus") == 2
    assert len(started) == 4  # and the service, and its collector
    ports = [demo.port, *map(port_of, demo.prometheus.values())]
    assert not any(is_free(port) for port in ports)
    assert demo.stop(number) == 0, demo.printed
    assert [process for process in started if command_of(process)] == []
    assert demo.running() == []
    assert all(is_free(port) for port in ports)
    assert demo.printed.endswith("stopping everything\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(place: Path) -> Iterator[Demo]:
    """The first start."""
    started = Demo.start(place, free_port())
    try:
        started.wait_for(LAST_LINE)
        yield started
    finally:
        started.end()


def test_it_prints_an_address_that_serves_the_page(demo: Demo) -> None:
    assert demo.address == f"http://127.0.0.1:{demo.port}"
    page = requests.get(demo.address, timeout=PATIENCE)
    assert page.status_code == 200
    assert "<html" in page.text
    assert demo.line(r"To sign in again: +(.+)") == "client id demo, secret demo"
    assert requests.get(demo.line(r"Documentation: +(\S+)"), timeout=PATIENCE).status_code == 200
    assert demo.line("(writing history .+)").split()[-2] in ("2/2", "4/4")


def test_two_real_prometheus_servers_scrape_the_fleet(demo: Demo) -> None:
    for cluster in CLUSTERS:
        url = demo.prometheus[cluster.name]
        assert requests.get(f"{url}/api/v1/status/buildinfo", timeout=PATIENCE).json()["status"] == "success"
        deadline = time.monotonic() + PATIENCE
        while sum(ask(url, "count(up)").values()) != len(cluster.nodes) + 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_printed_line_works_in_a_shell(demo: Demo) -> None:
    printed = demo.line("(curl .+)")
    done = subprocess.run(["bash", "-c", printed], capture_output=True, text=True, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    projects = {project for cluster in CLUSTERS for project in cluster.projects}
    assert {row["project"] for row in rows} <= projects | {""}
    assert len(rows) > 1
    assert sum(float(row["busy_seconds"]) for row in rows) > 0


def test_every_column_of_the_ledger_has_a_number_and_most_is_covered(demo: Demo) -> None:
    answer = demo.ask("ledger?by=cluster&step=1h")
    rows = answer["data"]
    assert {row["cluster"] for row in rows} == {"alpha", "beta"}
    assert len({row["time"] for row in rows}) >= 2
    for row in rows:
        seconds = [row[f"{column}_seconds"] for column in LEDGER_COLUMNS]
        assert len(seconds) == 7
        assert min(seconds) >= 0
        assert sum(seconds) == pytest.approx(row["capacity_seconds"])
    assert sum(row["busy_seconds"] + row["idle_seconds"] for row in rows) > 0
    assert 0.5 < answer["coverage"] <= 1
    assert [(cluster["name"], cluster["status"]) for cluster in answer["clusters"]] == [("alpha", "ok"), ("beta", "ok")]


def test_departments_have_costs_and_carbon(demo: Demo) -> None:
    answer = demo.ask("ledger?by=department")
    assert answer["currency"] == "EUR"
    assert not any("price" in warning or "carbon" in warning for warning in answer["warnings"])
    departments = {row["department"]: row for row in answer["data"] if row["department"]}
    assert set(departments) == {"language", "science"}
    assert all(row["allocated_cost"] > 0 and row["carbon_grams_co2e"] > 0 for row in departments.values())


def first_hour(demo: Demo) -> tuple[str, dict[str, float]]:
    """The first hour that there is anything of, and what each cluster did in it."""
    rows = demo.ask("ledger?by=cluster&step=1h")["data"]
    first = min(row["time"] for row in rows)
    return first, {row["cluster"]: row["busy_seconds"] for row in rows if row["time"] == first}


def test_alice_sees_her_project_alone(demo: Demo) -> None:
    told = {}
    for username in ("admin", "alice"):
        credentials = {"grantType": "password", "username": username, "password": "demo"}
        token = requests.post(f"{demo.address}/api/v1/token", json=credentials, timeout=PATIENCE).json()["accessToken"]
        headers = {"Authorization": f"Bearer {token}"}
        ledger = requests.get(f"{demo.address}/api/v1/ledger?by=cluster,project", headers=headers, timeout=PATIENCE)
        told[username] = {(row["cluster"], row["project"]) for row in ledger.json()["data"]}
    assert {cluster for cluster, _ in told["admin"]} == {"alpha", "beta"}
    assert told["alice"] == told["admin"] & {("alpha", "llm")}


def test_sigterm_stops_everything_and_a_second_start_goes_on(demo: Demo, place: Path) -> None:
    first, early = first_hour(demo)
    assert early
    assert_stops(demo, signal.SIGTERM)

    again = Demo.start(place, free_port())
    try:
        again.wait_for(LAST_LINE)
        assert port_of(again.address) == again.port
        assert first_hour(again) == (first, early)
        assert_stops(again, signal.SIGINT)
    finally:
        again.end()


def test_ctrl_c_while_history_is_written_stops_everything(tmp_path: Path) -> None:
    """A terminal sends it to all the processes there."""
    demo = Demo.start(tmp_path, free_port(), history="1d")
    try:
        deadline = time.monotonic() + PATIENCE
        while not list(tmp_path.glob(".demo/prometheus/*/day.om")):
            assert demo.process.poll() is None, demo.printed
            assert time.monotonic() < deadline
            time.sleep(0.02)
        started = demo.running()
        assert demo.stop(signal.SIGINT, is_for_all=True) == 0, demo.printed
        assert [process for process in started if command_of(process)] == []
        assert demo.running() == []
        assert "Traceback" not in demo.printed
        assert "starting a Prometheus" not in demo.printed
        assert not (tmp_path / ".demo" / "history-end").exists()
        assert list((tmp_path / ".demo" / "prometheus").glob("tmp*")) == []
    finally:
        demo.end()


def test_a_port_that_is_taken_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = Demo.start(tmp_path, port)
        assert demo.process.wait(PATIENCE) == 2
    assert demo.printed == (
        f"error: cannot listen on 127.0.0.1:{port}: Address already in use; METRICS_API_SERVER__PORT moves it\n"
    )
    assert demo.running() == []
    assert not (tmp_path / ".demo").exists()


def test_a_history_that_is_no_duration_is_refused() -> None:
    done = CliRunner().invoke(app, ["demo", "--history", "week"])
    assert done.exit_code == 2
    assert "'week' is not a duration" in " ".join(done.output.replace("│", " ").split())
