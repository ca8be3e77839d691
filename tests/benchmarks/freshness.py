"""Freshness: from a sample's scrape by a real Prometheus to its appearance in an answer of the served API."""

import math
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import requests
from rich.console import Console
from rich.progress import track

from queries.settings import Cluster
from queries.window import format_time
from tests.benchmarks.asking import serve
from tests.benchmarks.findings import Finding
from tests.benchmarks.servers import config_of
from tests.servers import Server, prometheus

STEP = 60.0
SCRAPE = 15.0
"""Seconds."""

LATEST = 130.0
"""How many seconds a sample has to appear."""

EVERY = 1.0
"""Seconds between two questions."""

BEGINNINGS = (5, 25, 45)
"""At which seconds of the minute services are started."""

SERIES = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"

Answer = dict[float, float]
"""The utilization that was answered, by the Unix second at which a step begins."""


def utilization(now: float) -> float:
    """Another one at every scrape."""
    return round(0.5 + 0.4 * math.sin(now), 6)


def compare_freshness(console: Console, minutes: int) -> list[Finding]:
    """Several services, begun at different seconds of the minute: what a sample waits for depends on that."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        target = stack.enter_context(exporter())
        server = stack.enter_context(prometheus(folder, scrapes=config(target)))
        cluster = Cluster(name="bench", prometheus=server.url)
        services = []
        for second in track(BEGINNINGS, "starting services"):
            time.sleep((second - time.time()) % STEP)
            (own := folder / str(second)).mkdir()
            services.append(stack.enter_context(serve(config_of(cluster, own))))
        answers = watch(services, minutes * 60 + LATEST)
        samples = scraped(server)
    first = answers[services[0]][0][0] + STEP
    delays = [
        appearance(time, samples, given) - time
        for given in answers.values()
        for time, _ in samples
        if first < time < first + minutes * 60
    ]
    median, late = np.percentile(delays, [50, 95])
    console.print(
        f"  {len(delays)} samples, a scrape every {SCRAPE:.0f} s, {len(services)} services:"
        f" {min(delays):.0f} to {max(delays):.0f} s"
    )
    return [
        Finding("a sample's way into an answer, median", float(median), "s", 90),
        Finding("a sample's way into an answer, 95 of 100", float(late), "s", 90),
    ]


def watch(services: list[str], seconds: float) -> dict[str, list[tuple[float, Answer]]]:
    """What each service answered when: the last minutes of the only GPU, asked again and again."""
    began, session = time.time(), requests.Session()
    answers: dict[str, list[tuple[float, Answer]]] = {service: [] for service in services}
    for _ in track(range(round(seconds / EVERY)), "asking again and again"):
        for service in services:
            asked = {
                "metric": "gpu_utilization_ratio",
                "step": "1m",
                "by": "gpu",
                "start": format_time(datetime.fromtimestamp(began // STEP * STEP, UTC)),
                "end": format_time(datetime.fromtimestamp(time.time() // STEP * STEP + STEP, UTC)),
            }
            body: Any = session.get(f"{service}/api/v1/metrics/range", params=asked, timeout=60).json()
            answers[service].append((time.time(), of_body(body)))
        time.sleep(EVERY - time.time() % EVERY)
    return answers


def of_body(body: Any) -> Answer:
    times = [datetime.fromisoformat(time).timestamp() for time in body["time"]]
    return {
        time: value
        for series in body["series"]
        for time, value in zip(times, series["metrics"]["gpu_utilization_ratio"], strict=True)
        if value is not None
    }


def appearance(time: float, samples: list[tuple[float, float]], answers: list[tuple[float, Answer]]) -> float:
    """When the step that a sample lies in was answered rightly for the first time: with this sample in it.

    Raises:
        LookupError: never.
    """
    step = time // STEP * STEP
    right = mean_of_step(step, samples)
    for asked, answer in answers:
        if abs(answer.get(step, math.nan) - right) < 1e-6:
            return asked
    raise LookupError(f"the sample of {time} did not appear; its step's mean is {right}")


def mean_of_step(step: float, samples: list[tuple[float, float]]) -> float:
    """The mean over time of a step's samples: each stands to the next."""
    times = [time for time, _ in samples]
    first = max(0, bisect_right(times, step) - 1)
    total = 0.0
    for place in range(first, len(samples) - 1):
        total += samples[place][1] * max(0.0, min(times[place + 1], step + STEP) - max(times[place], step))
    return total / STEP


def scraped(server: Server) -> list[tuple[float, float]]:
    """The samples that Prometheus has, by time (Unix seconds)."""
    asked = {"query": f"{SERIES}[1h]"}
    body: Any = requests.get(f"{server.url}/api/v1/query", params=asked, timeout=60).json()
    (series,) = body["data"]["result"]
    return [(time, float(value)) for time, value in series["values"]]


@contextmanager
def exporter() -> Iterator[str]:
    """The address of an exporter of one GPU."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            labels = 'gpu="0",UUID="GPU-a",modelName="NVIDIA H100",Hostname="n1",namespace="team",pod="train-0"'
            body = f"{SERIES}{{{labels}}} {utilization(time.time())}\n".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{serving.server_address[1]}"
    finally:
        serving.shutdown()
        serving.server_close()


def config(target: str) -> str:
    """A Prometheus configuration that scrapes the exporter, whose pod label it keeps."""
    return (
        f"scrape_configs: [{{job_name: dcgm, scrape_interval: {SCRAPE:.0f}s, honor_labels: true,"
        f" static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
