"""Pages: what exporters print and what a Prometheus has of it, as plain dicts, for tests to compare."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from metrics_api.demo.exposition import print_history, print_page
from metrics_api.demo.fleet import Cluster
from metrics_api.demo.targets import Exporter, exporters

MONDAY = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp())
"""The week that the tests look at begins here."""

Series = frozenset[tuple[str, str]]
"""Labels, the name among them; empty ones are none."""

Samples = dict[Series, float]


def series(name: str, labels: Mapping[str, str]) -> Series:
    return frozenset({("__name__", name), *((label, value) for label, value in labels.items() if value)})


def page(exporter: Exporter, time: float) -> str:
    return print_page(exporter.series(np.array([time], float)))


def history(cluster: Cluster, times: Iterable[float]) -> str:
    moments = np.array(list(times), float)
    return "".join(print_history((each.target, each.history(moments)) for each in exporters(cluster)))


def read_page(text: str) -> Samples:
    """The samples of a page in the text format. A series that is there twice is refused."""
    return read(parse_text(text)).get(None, {})


def read_history(text: str) -> dict[float | None, Samples]:
    """The samples of a history in OpenMetrics, whose parser is strict, by time."""
    return read(parse_openmetrics(text))  # type: ignore[no-untyped-call] # the library's


def read(families: Iterable[Metric]) -> dict[float | None, Samples]:
    found: dict[float | None, Samples] = {}
    for family in families:
        for sample in family.samples:
            time = None if sample.timestamp is None else float(sample.timestamp)
            samples, key = found.setdefault(time, {}), series(family.name, sample.labels)
            assert key not in samples, f"{key} is there twice"
            samples[key] = sample.value
    return found


def ask(url: str, query: str, time: float | None = None) -> Samples:
    """The answer of a Prometheus to an instant query."""
    asked = {"query": query} | ({} if time is None else {"time": str(time)})
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode(asked)}") as answer:
        result = json.load(answer)["data"]["result"]
    return {frozenset(row["metric"].items()): float(row["value"][1]) for row in result}
