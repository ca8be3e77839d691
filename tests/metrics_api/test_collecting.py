import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil

from metrics_api.collecting import Minder

PATIENCE = 60.0


def config_in(folder: Path) -> Path:
    config = folder / "metrics.toml"
    config.write_text(
        f'[store]\npath = "{folder / "lake"}"\n[[clusters]]\nname = "down"\nprometheus = "http://127.0.0.1:1"\n'
    )
    return config


def collectors(folder: Path) -> list[psutil.Process]:
    """The collectors that run with a folder's configuration."""
    own = str(folder / "metrics.toml")
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if own in (process.info["cmdline"] or [])
        and "collectors" in process.info["cmdline"]
        and process.info["status"] != "zombie"
    ]


def wait_for(folder: Path, count: int) -> list[psutil.Process]:
    deadline = time.monotonic() + PATIENCE
    while len(found := collectors(folder)) != count:
        assert time.monotonic() < deadline, f"{len(found)} collectors run instead of {count}"
        time.sleep(0.02)
    return found


def test_a_collector_that_ends_is_started_again_and_is_stopped_with_its_minder(tmp_path: Path) -> None:
    minder = Minder(config_in(tmp_path))
    minder.start()
    (first,) = wait_for(tmp_path, 1)
    first.kill()
    deadline = time.monotonic() + PATIENCE
    while [process.pid for process in collectors(tmp_path)] in ([], [first.pid]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    minder.stop()
    assert collectors(tmp_path) == []


def test_a_collector_ends_when_its_minder_is_killed(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    program = f"""
        import time
        from pathlib import Path
        from metrics_api.collecting import Minder
        Minder(Path({str(config)!r})).start()
        time.sleep(600)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)])
    wait_for(tmp_path, 1)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(tmp_path, 0)
