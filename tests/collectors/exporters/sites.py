"""Sites: what exporters print, as a Prometheus that scrapes them stores it. Each site has a time of its own in one real
Prometheus."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from collectors.collect import collect
from collectors.prometheus import Prometheus
from queries.lake import Lake
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.booked import frame
from tests.servers import prometheus

PAGES = Path(__file__).parent / "pages"

FIRST = datetime(2025, 1, 1, tzinfo=UTC)

APART = timedelta(days=10)
"""Nodes are remembered for seven days: sites further apart know nothing of each other."""

SERIES = re.compile(r"(?P<name>[\w:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \d+)?")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Scrape:
    """A page of PAGES, or its text, every minute.

    target: the labels of the scrape target. grows: series (by the beginning of their names and labels) that are
    counters, and by how much they grow a second. since, until: the minutes of the first and after the last scrape.
    """

    page: str
    target: dict[str, str]
    grows: dict[str, float] = field(default_factory=dict)
    since: int = -10
    until: int = 70

    def series(self) -> Iterator[tuple[str, str, float, float]]:
        """Name, labels, value and growth of each series, as they are stored."""
        text = self.page if "\n" in self.page else (PAGES / f"{self.page}.prom").read_text()
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                match = SERIES.fullmatch(line)
                assert match, f"not a series: {line}"
                growth = next((rate for start, rate in self.grows.items() if line.startswith(start)), 0.0)
                yield match["name"], stored_labels(match["labels"] or "", self.target), float(match["value"]), growth


def stored_labels(written: str, target: dict[str, str]) -> str:
    """With honor_labels = false: labels that the target has too are renamed; empty ones are no labels."""
    own = {f"exported_{name}" if name in target else name: value for name, value in LABEL.findall(written) if value}
    return ",".join(f'{name}="{value}"' for name, value in (own | target).items())


def openmetrics(scrapes: tuple[Scrape, ...], start: datetime) -> str:
    """An hour of scrapes and ten minutes around it, as promtool reads it."""
    families: dict[str, list[str]] = defaultdict(list)
    for scrape in scrapes:
        for name, labels, value, growth in scrape.series():
            for minute in range(scrape.since, scrape.until):
                time = start.timestamp() + 60 * minute
                families[name].append(f"{name}{{{labels}}} {value + growth * 60 * (minute + 10)!r} {time:.3f}")
    return "\n".join(
        [line for name, found in families.items() for line in (f"# TYPE {name} gauge", *found)] + ["# EOF", ""]
    )


@dataclass(frozen=True)
class Sites:
    """Sites by name, in the Prometheus at ``url``."""

    url: str
    folder: Path
    starts: dict[str, datetime]

    def window(self, name: str) -> Window:
        return Window(self.starts[name], self.starts[name] + HOUR)

    def hour(self, name: str, **settings: object) -> pd.DataFrame:
        """What is booked of a site's hour, one row per share of a slot; not known is ''."""
        rows = frame(self.lake(name, **settings), self.window(name), "hour")
        texts = [column for column in rows if not pd.api.types.is_numeric_dtype(rows[column])]
        return rows.astype(dict.fromkeys(texts, object)).fillna(dict.fromkeys(texts, ""))

    def lake(self, name: str, **settings: object) -> Lake:
        """A lake with a site's hour."""
        lake = Lake(str(self.folder / f"{name}-{len(list(self.folder.iterdir()))}"))
        lake.create()
        cluster = Cluster.model_validate({"name": name.replace("_", "-"), "prometheus": self.url, **settings})
        window = self.window(name)
        list(collect(Prometheus(cluster), lake, window.hours(), clock=lambda: window.end + HOUR))
        return lake


@contextmanager
def sites(folder: Path, **named: tuple[Scrape, ...]) -> Iterator[Sites]:
    """The sites by name, each in a time of its own."""
    starts = {name: FIRST + place * APART for place, name in enumerate(named)}
    pages = [openmetrics(scrapes, starts[name]) for name, scrapes in named.items()]
    with prometheus(folder, pages) as server:
        yield Sites(server.url, folder, starts)


def gpu(rows: pd.DataFrame, uuid: str, instance: str = "") -> "pd.Series[Any]":
    """The one row of a device."""
    return only(rows, kind="gpu", gpu_uuid=uuid, gpu_instance=instance)


def only(rows: pd.DataFrame, **names: str) -> "pd.Series[Any]":
    """The one row of these names."""
    found = rows[(rows[list(names)] == pd.Series(names)).all(axis=1)]
    assert len(found) == 1, found.T
    return found.iloc[0]


def mean(row: "pd.Series[Any]", metric: str) -> float:
    """The mean of a gauge over the hour of a row."""
    integral = "memory_used_byte_seconds" if metric == "gpu_memory_used_bytes" else f"{metric}_integral"
    return float(row[integral] / row[f"{metric}_seconds"])


def shares(row: "pd.Series[Any]") -> dict[str, Any]:
    """Of the hour of a whole GPU, what lies in which column; without those that have nothing."""
    columns = ("busy", "idle", "held", "free", "unattributed", "unavailable", "unknown")
    return {name: pytest.approx(value, abs=1e-6) for name in columns if (value := row[f"{name}_seconds"] / 3600) > 1e-9}
