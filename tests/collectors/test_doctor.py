"""What doctor finds around a cluster: its server, its clock, the lake; and how it is told."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner, Result

from collectors.checks import lake as lake_checks
from collectors.cli import app
from collectors.collector import Collector
from collectors.doctor import Report, diagnose
from queries.lake import Lake
from queries.settings import Settings
from tests.collectors import faulty
from tests.collectors.clinic import (
    START,
    ailments,
    clinic,
    diagnosed,
    gpus,
    node,
    pod,
    settings_of,
)
from tests.servers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    sites = {"healthy": node() + pod() + gpus(), "hostile": node("[bold]\x1b[2J=1+1", 4) + gpus()}
    with clinic(tmp_path_factory.mktemp("clinic"), sites) as running:
        yield running


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with clinic(tmp_path_factory.mktemp("another"), {"healthy": node() + pod() + gpus()}) as running:
        yield running


def test_what_answers_and_what_is_spoken_is_told(server: Server, tmp_path: Path) -> None:
    diagnosis = diagnosed(server.url, tmp_path, "healthy")
    assert diagnosis.server
    assert diagnosis.server.product == "Prometheus"
    assert diagnosis.server.version.startswith("2.")
    assert diagnosis.server.replicas == 1
    assert abs(diagnosis.server.skew) < timedelta(seconds=5)
    assert 0 < diagnosis.server.latency_seconds < 30
    assert diagnosis.data_since == START.replace(minute=0)
    dcgm, kube = diagnosis.spoken
    assert (dcgm.title, dcgm.series, dcgm.gpus, dcgm.nodes, dcgm.interval, dcgm.holders) == (
        "dcgm-exporter",
        2,
        2,
        1,
        timedelta(minutes=1),
        ("exported_pod",),
    )
    assert (kube.title, kube.series, kube.nodes, kube.holders) == ("kube-state-metrics", 6, 1, ())


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({"/api/v1/stores": '{"status":"success","data":{}}'}, "Thanos"),
        (
            {"/status/buildinfo": '{"status":"success","data":{"application":"Grafana Mimir","version":"2.14.0"}}'},
            "Grafana Mimir 2.14.0",
        ),
        ({"+default+0": '{"status":"success","data":{"resultType":"vector","result":[]}}'}, "VictoriaMetrics"),
        ({"/status/buildinfo": "<html>"}, "Prometheus"),
    ],
)
def test_servers_are_told_by_what_they_have(answers: dict[str, str], name: str, tmp_path: Path) -> None:
    nothing = {"/label/": '{"status":"success","data":[]}'}
    vector = '{"status":"success","data":{"resultType":"vector","result":[]}}'

    def respond(path: str) -> faulty.Answer:
        found = next((body for part, body in (answers | nothing).items() if part in path), None)
        if found is None and "/api/v1/query" in path and "default" not in path:
            found = vector
        return (404, b"") if found is None else (200, found.encode())

    with faulty.server(respond) as url:
        server = diagnosed(url, tmp_path, "healthy").server
    assert server
    assert f"{server.product} {server.version}".strip() == name


def test_a_server_that_cannot_be_reached_is_an_error_and_the_others_are_told(server: Server, tmp_path: Path) -> None:
    settings = settings_of(server.url, tmp_path, "healthy")
    down = settings.clusters[0].model_copy(update={"name": "down", "prometheus": "http://127.0.0.1:1"})
    report = diagnose(settings.model_copy(update={"clusters": (down, *settings.clusters)}), (down, *settings.clusters))
    first, second = report.clusters
    assert not report.is_collectable
    assert [(finding.severity, finding.check) for finding in first.findings] == [("error", "unreachable")]
    assert "cluster 'down': http://127.0.0.1:1 cannot be reached" in first.findings[0].what
    assert not ailments(second)


@pytest.mark.parametrize(
    ("minutes", "said"), [(5, "300 s behind this machine's"), (-5, "300 s ahead of this machine's")]
)
def test_a_clock_that_differs_is_told(server: Server, tmp_path: Path, minutes: int, said: str) -> None:
    settings = settings_of(server.url, tmp_path, "healthy")
    report = diagnose(settings, settings.clusters, clock=lambda: datetime.now(UTC) + timedelta(minutes=minutes))
    found = ailments(report.clusters[0])
    assert set(found) == {"clocks_differ"}
    assert said in found["clocks_differ"].what


def answer_of(url: str, path: str) -> faulty.Answer:
    answer = requests.get(f"{url}{path}", timeout=60)
    return answer.status_code, answer.content


def test_several_servers_behind_one_address_are_told(server: Server, another: Server, tmp_path: Path) -> None:
    """A load balancer before two Prometheus servers."""
    turns = itertools.cycle((server.url, another.url))

    def forward(path: str) -> faulty.Answer:
        return answer_of(next(turns), path)

    with faulty.server(forward) as url:
        found = ailments(diagnosed(url, tmp_path, "healthy"))
    assert set(found) == {"several_servers"}
    assert found["several_servers"].what.startswith("2 servers")


def test_a_check_that_gets_no_answer_hides_no_other(server: Server, tmp_path: Path) -> None:
    def forward(path: str) -> faulty.Answer:
        if "+by+%28instance%29" in path:
            return 500, b"no"
        return answer_of(server.url, path)

    with faulty.server(forward) as url:
        diagnosis = diagnosed(url, tmp_path, "healthy")
    found = ailments(diagnosis)
    assert set(found) == {"gaps"}
    assert "Status Code 500" in found["gaps"].what
    assert diagnosis.is_collectable


def lake_of(report: Report) -> dict[str, str]:
    return {finding.check: finding.severity for finding in report.lake}


def test_a_lake_that_cannot_be_written_is_an_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_of(server.url, tmp_path / "file", "healthy")
    report = diagnose(settings, settings.clusters)
    assert lake_of(report)["lake_not_writable"] == "error"
    assert not report.is_collectable
    fine = settings_of(server.url, tmp_path / "new" / "folder", "healthy")
    assert lake_of(diagnose(fine, fine.clusters))["lake_not_writable"] == "ok"
    assert not (tmp_path / "new").exists()


def test_a_disk_that_is_almost_full_is_told(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(server.url, tmp_path, "healthy")
    monkeypatch.setattr(lake_checks, "ALMOST_FULL", 0.0)
    assert lake_of(diagnose(settings, settings.clusters))["disk_almost_full"] == "ok"
    monkeypatch.setattr(lake_checks, "ALMOST_FULL", 1.1)
    assert lake_of(diagnose(settings, settings.clusters))["disk_almost_full"] == "warning"


def test_hours_that_are_missing_are_told(server: Server, tmp_path: Path) -> None:
    settings = settings_of(server.url, tmp_path, "healthy")
    lake = Lake(settings.store.path)
    lake.create()
    collector = Collector(settings.clusters[0], lake, settings.collect)

    def told() -> str:
        findings = diagnose(settings, settings.clusters).clusters[0].findings
        return next(f"{each.severity}: {each.what}" for each in findings if each.check == "hours_missing")

    assert told() == "note: nothing of it has been collected yet"
    collector.tick()
    assert told().startswith("warning: ")
    assert " that Prometheus has, the first of them 20" in told()
    list(collector.fill(collector.missing_hours()))
    assert told() == "ok: no hour is missing in the lake"


def command(settings: Settings, folder: Path, *arguments: str) -> Result:
    clusters = "".join(
        f'[[clusters]]\nname = "{each.name}"\nprometheus = "{each.prometheus}"\nmatch = {{ site = "{each.match["site"]}" }}\n'
        for each in settings.clusters
    )
    config = folder / "metrics.toml"
    config.write_text(f'[store]\npath = "{settings.store.path}"\n{clusters}')
    return CliRunner().invoke(app, ["doctor", "--config", str(config), *arguments], terminal_width=100)


def test_a_site_that_can_be_collected_ends_with_code_0(server: Server, tmp_path: Path) -> None:
    done = command(settings_of(server.url, tmp_path / "lake", "healthy"), tmp_path)
    assert done.exit_code == 0, done.output
    assert "Prometheus 2." in done.stdout
    assert "dcgm-exporter" in done.stdout
    assert "exported_pod" in done.stdout
    assert "nothing of it has been collected yet" in " ".join(done.stdout.split())
    assert not (tmp_path / "lake").exists()


def test_a_cluster_that_cannot_be_collected_ends_with_code_2(server: Server, tmp_path: Path) -> None:
    settings = settings_of(server.url, tmp_path / "lake", "healthy", "nothing")
    done = command(settings, tmp_path)
    assert done.exit_code == 2
    assert "error" in done.stdout
    assert "check clusters.match" in " ".join(done.stdout.split())
    assert command(settings, tmp_path, "--cluster", "healthy").exit_code == 0


def test_the_report_for_machines_has_every_finding(server: Server, tmp_path: Path) -> None:
    done = command(settings_of(server.url, tmp_path / "lake", "healthy", "nothing"), tmp_path, "--json")
    assert done.exit_code == 2
    report = json.loads(done.stdout)
    healthy, nothing = report["clusters"]
    assert healthy["server"]["product"] == "Prometheus"
    assert healthy["vocabularies"][0] == {
        "name": "dcgm",
        "title": "dcgm-exporter",
        "series": 2,
        "gpus": 2,
        "nodes": 1,
        "interval_seconds": 60.0,
        "holders": ["exported_pod"],
    }
    assert healthy["collectable"]
    assert not nothing["collectable"]
    assert nothing["findings"][0]["check"] == "nothing_to_collect"
    assert set(nothing["findings"][0]) == {"severity", "what", "cost", "fix", "check"}
    assert {finding["check"] for finding in report["lake"]} == {"lake_not_writable", "disk_almost_full"}


def test_names_from_a_cluster_steer_no_terminal(server: Server, tmp_path: Path) -> None:
    done = command(settings_of(server.url, tmp_path / "lake", "hostile"), tmp_path)
    assert "[bold]\\x1b[2J=1+1 (" in " ".join(done.stdout.split())
    assert "\x1b" not in done.stdout
