"""Real Prometheus and VictoriaMetrics servers for tests, on free loopback ports, stopped by pid."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from metrics_api.demo.history import make_blocks
from metrics_api.demo.servers import free_port, start, stop, wait_until_ready


@dataclass(frozen=True)
class Server:
    """A running Prometheus or VictoriaMetrics."""

    url: str
    storage: Path
    process: "subprocess.Popen[bytes]"


def feed(storage: Path, openmetrics: str) -> None:
    """Have promtool make blocks of samples in OpenMetrics, for a server that is not running yet."""
    storage.mkdir(parents=True, exist_ok=True)
    path = storage.parent / f"{storage.name}.om"
    path.write_text(openmetrics)
    make_blocks(storage.name, path, storage)
    path.unlink()


@contextmanager
def prometheus(
    folder: Path, pages: Iterable[str] = (), options: Iterable[str] = (), scrapes: str = ""
) -> Iterator[Server]:
    """A Prometheus that holds some samples, each page in OpenMetrics, and scrapes nothing unless its configuration says
    so."""
    storage = folder / "prometheus"
    for page in pages:
        feed(storage, page)
    config = folder / "prometheus.yml"
    config.write_text(f"global: {{scrape_interval: 60s}}\n{scrapes}")
    log = folder / "prometheus.log"
    port = free_port()
    process = start(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={storage}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
            *options,
        ],
        log,
    )
    try:
        wait_until_ready("Prometheus", f"http://127.0.0.1:{port}/-/ready", process, log)
        yield Server(f"http://127.0.0.1:{port}", storage, process)
    finally:
        stop([process])


@contextmanager
def victoria(folder: Path, pages: Iterable[str] = (), options: Iterable[str] = ()) -> Iterator[Server]:
    """A VictoriaMetrics that holds some samples, each page in OpenMetrics, and scrapes nothing."""
    storage, log, port = folder / "victoria", folder / "victoria.log", free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(
        [
            "victoria-metrics",
            f"-storageDataPath={storage}",
            "-retentionPeriod=100y",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-loggerLevel=WARN",
            *options,
        ],
        log,
    )
    try:
        wait_until_ready("VictoriaMetrics", f"{url}/health", process, log)
        for page in pages:
            import_samples(url, page)
        yield Server(url, storage, process)
    finally:
        stop([process])


SECONDS = re.compile(r"(?<= )[0-9.]+$", re.MULTILINE)


def import_samples(url: str, openmetrics: str) -> None:
    """Have a VictoriaMetrics take in samples in OpenMetrics, whose seconds are milliseconds to it; they can be asked for
    at once."""
    page = SECONDS.sub(lambda seconds: str(round(float(seconds[0]) * 1000)), openmetrics)
    requests.post(f"{url}/api/v1/import/prometheus", data=page.encode(), timeout=600).raise_for_status()
    flush(url)


def flush(url: str) -> None:
    """Have a VictoriaMetrics show all that it was given."""
    requests.get(f"{url}/internal/force_flush", timeout=60).raise_for_status()
