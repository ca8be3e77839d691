"""Real Prometheus servers for tests, fed by promtool, on free loopback ports, stopped by pid."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metrics_api.demo.history import make_blocks
from metrics_api.demo.servers import free_port, start, stop, wait_until_ready


@dataclass(frozen=True)
class Server:
    """A running Prometheus."""

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
def prometheus(folder: Path, pages: Iterable[str] = (), options: Iterable[str] = ()) -> Iterator[Server]:
    """A Prometheus that holds some samples, each page in OpenMetrics, and scrapes nothing."""
    storage = folder / "prometheus"
    for page in pages:
        feed(storage, page)
    config = folder / "prometheus.yml"
    config.write_text("global: {scrape_interval: 60s}\n")
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
