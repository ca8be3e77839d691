"""Vocabulary: what one exporter calls things, and how its series become the booking's tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from collectors.prometheus import Selector
from queries.catalogue import Source

Labels = Mapping[str, str]
Row = dict[str, object]

Of = Literal["cluster", "pods", "nodes", "jobs"]
"""What a selector is narrowed to: the whole cluster, or the pods, nodes or scrape jobs that turned out to have to do
with GPUs."""


@dataclass(frozen=True)
class Read:
    """A selector whose raw samples are read; each series becomes a row of ``table``, or none where ``row`` returns
    None."""

    selector: Selector
    table: str
    row: Callable[[Labels], Row | None]
    source: Source
    of: Of = "cluster"


@dataclass(frozen=True)
class Fact:
    """A selector of series that hold as long as they are there: read once for all the time, one row of ``table`` per
    series."""

    selector: Selector
    table: str
    row: Callable[[Labels, float], Row | None]
    of: Of = "cluster"


@dataclass(frozen=True)
class Memory:
    """How nodes are found again that have fallen silent: the series that show them, the labels that may name them, and
    the reads that tell what was there (all of them, or any one)."""

    selector: Selector
    node_labels: tuple[str, ...]
    reads: tuple[Read, ...]
    is_any_enough: bool


@dataclass(frozen=True)
class Vocabulary:
    """What one exporter has to say."""

    name: str
    reads: tuple[Read, ...] = ()
    facts: tuple[Fact, ...] = ()
    memory: Memory | None = None


def told(labels: Labels, name: str) -> str:
    """A label as the exporter said it, also where Prometheus renamed it because the scrape target has one of the same
    name."""
    return labels.get(f"exported_{name}") or labels.get(name, "")
