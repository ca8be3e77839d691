import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from structlog.testing import capture_logs
from typer.testing import CliRunner

from collectors.cli import app
from collectors.collector import Collector
from collectors.run import watch
from queries.engine import Engine
from queries.lake import Lake, LakeError
from queries.question import Asker, Question
from queries.scope import EVERYTHING
from queries.settings import Collect, Settings
from queries.window import HOUR, Window
from tests.booked import frame
from tests.collectors.site import HOURS, LATER, START, WINDOW, assert_whole, cluster, new_lake, site

FIRST = Window.hour_of(START)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("site")) as address:
        yield address


@pytest.fixture(scope="module")
def collected(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake with a commit for each hour: to be copied."""
    folder = tmp_path_factory.mktemp("collected")
    for hour in WINDOW.hours():
        list(collector(url, folder).fill([hour]))
    return folder


def copied(collected: Path, folder: Path) -> Lake:
    shutil.copytree(collected / "lake", folder / "lake")
    return new_lake(folder)


def collector(url: str, folder: Path) -> Collector:
    return Collector(cluster(url, backfill="2d"), new_lake(folder), Collect(), clock=lambda: LATER)


def configure(folder: Path, url: str) -> list[str]:
    """The arguments of a backfill of all that the site has."""
    config = folder / "metrics.toml"
    config.write_text(f'[store]\npath = "{folder / "lake"}"\n[[clusters]]\nname = "site"\nprometheus = "{url}"\n')
    return ["backfill", "--from", "2025-03-03", "--to", "2025-03-03T04:00:00Z", "--config", str(config)]


def stricken(fault: str, arguments: list[str]) -> tuple[int, str]:
    """How a backfill ends in a process that something is wrong with, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.collectors.stricken", fault, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join(done.stderr.split())


def assert_collected(arguments: list[str], folder: Path) -> None:
    """Once the fault is gone, the same command does all; nothing of the attempt is left behind."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    lake = new_lake(folder)
    assert_whole(lake)
    lake.ledger.vacuum(timedelta(0))
    files = {str(path) for path in Path(lake.ledger.folder).rglob("*") if path.is_file()}
    logged = {path for path in files if "_delta_log" in path}
    assert files - logged == set(DeltaTable(lake.ledger.folder).file_uris())
    assert all(path.endswith((".json", ".checkpoint.parquet", "_last_checkpoint")) for path in logged)


def test_a_full_disk_is_named_and_breaks_nothing(url: str, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    code, said = stricken("full", configure(tmp_path, url))
    assert code == 2, said
    assert f"error: store.path: cannot write to {lake.ledger.folder}: File too large; make room;" in said
    assert lake.snapshot().revisions("site", WINDOW) == {}
    assert_collected(configure(tmp_path, url), tmp_path)


def test_a_lake_that_only_can_be_read_is_named_and_breaks_nothing(url: str, tmp_path: Path) -> None:
    """With the rights of root taken away, so that what permissions forbid is forbidden to all."""
    lake = new_lake(tmp_path)
    list(collector(url, tmp_path).fill([FIRST]))
    protected = [Path(folder) for folder, _, _ in os.walk(lake.folder)]
    for folder in protected:
        folder.chmod(0o555)
    try:
        code, said = stricken("powerless", configure(tmp_path, url))
    finally:
        for folder in protected:
            folder.chmod(0o755)
    assert code == 2, said
    assert f"cannot write to {lake.ledger.folder}: Permission denied; let this user write there" in said
    assert_whole(lake, hours=1)
    assert_collected(configure(tmp_path, url), tmp_path)


def test_a_lake_that_becomes_unwritable_later_fails_at_its_commit(url: str, tmp_path: Path) -> None:
    """The folder of the cluster's files is a file: for root, too, no folder can be made of it."""
    lake = new_lake(tmp_path)
    obstacle = Path(lake.ledger.folder, "cluster=site")
    obstacle.write_text("")
    with pytest.raises(LakeError, match=r"cannot write to .*ledger: (Not a directory|File exists); "):
        collector(url, tmp_path).tick()
    assert lake.snapshot().revisions("site", WINDOW) == {}
    obstacle.unlink()
    list(collector(url, tmp_path).fill(list(WINDOW.hours())))
    assert_whole(lake)


def test_a_lake_that_is_deleted_under_the_collector_is_made_again(url: str, tmp_path: Path) -> None:
    lake, stop = new_lake(tmp_path), threading.Event()
    settings = Settings.model_validate({"store": {"path": lake.folder}, "collect": {"tick": "1s"}})
    watching = threading.Thread(
        target=watch, args=(cluster(url, backfill="2d"), lake, settings, stop, lambda: LATER), daemon=True
    )
    reader = Lake(lake.folder)

    def wait_until_whole() -> None:
        while len(reader.snapshot().revisions("site", WINDOW)) < HOURS:
            assert watching.is_alive()
            time.sleep(0.02)

    with capture_logs() as logs:
        watching.start()
        wait_until_whole()
        remove(Path(lake.folder))
        wait_until_whole()
        stop.set()
        watching.join(30)
    assert_whole(reader)
    assert_whole(lake)
    (told,) = (each for each in logs if each["event"] == "the lake was deleted; it is made again")
    assert told["folder"] == lake.folder


def remove(folder: Path) -> None:
    """Also while somebody writes into it."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def test_a_commit_that_a_deletion_overtook_does_not_hinder_the_next(url: str, tmp_path: Path) -> None:
    """It leaves a log without a beginning, which nobody can read."""
    lake = new_lake(tmp_path)
    list(collector(url, tmp_path).fill([FIRST]))
    commit = Path(lake.ledger.folder, "_delta_log", f"{1:020}.json")
    written = commit.read_bytes()
    remove(Path(lake.folder))
    commit.parent.mkdir(parents=True)
    commit.write_bytes(written)
    with pytest.raises(LakeError, match="cannot read"):
        Lake(lake.folder).snapshot()
    assert lake.create() == ["ledger", "collections", "workloads"]
    list(collector(url, tmp_path).fill(list(WINDOW.hours())))
    assert_whole(lake)


def damage(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:-1000])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        body = path.read_bytes()
        path.write_bytes(body[:200] + b"\xff" * 4000 + body[4200:])


@pytest.mark.parametrize("layer", ["raw", "hour"])
@pytest.mark.parametrize("how", ["gone", "cut off", "empty", "overwritten"])
def test_a_damaged_file_is_named_taken_out_and_collected_again(
    url: str, collected: Path, tmp_path: Path, how: str, layer: str
) -> None:
    lake = copied(collected, tmp_path)
    (path,) = lake.snapshot().paths(layer, FIRST)
    damage(Path(path), how)
    engine = Engine(Lake(lake.folder))
    question = Question(WINDOW, HOUR if layer == "hour" else HOUR / 2)
    with pytest.raises(LakeError, match=r"cannot read .*a file is damaged or gone; `metrics-collect repair`"):
        Asker(engine, EVERYTHING, [], LATER).ledger(question)
    engine.close()
    arguments = configure(tmp_path, url)
    repaired = CliRunner().invoke(app, ["repair", *arguments[-2:]])
    assert f"took {path} out, which was damaged or gone: it held {layer} rows of site" in repaired.output
    assert "from 2025-03-03T00:00:00Z to 2025-03-03T01:00:00Z" in repaired.output
    if layer == "hour":
        assert FIRST.start not in lake.snapshot().revisions("site", WINDOW)
        assert_collected(arguments, tmp_path)
    else:
        assert frame(lake, WINDOW, "hour")["capacity_seconds"].sum() == HOURS * 7200
        assert frame(lake, WINDOW, "raw")["capacity_seconds"].sum() == (HOURS - 1) * 7200
    assert "nothing is damaged" in CliRunner().invoke(app, ["repair", *arguments[-2:]]).output


@pytest.mark.parametrize("what", ["commit", "summary"])
def test_a_damaged_log_is_named_and_repaired_by_its_newest_commit(
    url: str, collected: Path, tmp_path: Path, what: str
) -> None:
    lake = copied(collected, tmp_path)
    lake.ledger.checkpoint()
    log = Path(lake.ledger.folder, "_delta_log")
    (path,) = log.glob("*4.checkpoint.parquet" if what == "summary" else "*4.json")
    if what == "commit":
        for summary in (*log.glob("*.checkpoint.parquet"), log / "_last_checkpoint"):
            summary.unlink()
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(LakeError, match=r"cannot read .*a file is damaged or gone; `metrics-collect repair`"):
        Lake(lake.folder).snapshot()
    arguments = configure(tmp_path, url)
    repaired = CliRunner().invoke(app, ["repair", *arguments[-2:]])
    assert f"took {path} out, which was damaged" in repaired.output
    done = len(Lake(lake.folder).snapshot().revisions("site", WINDOW))
    assert done == (HOURS if what == "summary" else HOURS - 1)
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert_whole(new_lake(tmp_path))
