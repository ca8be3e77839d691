"""Vocabulary: what one exporter calls things, and how its series become the booking's tables."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from collectors.prometheus import Expression, Selector, one_of
from queries.catalogue import METRICS, READINGS, Reading, Source

Labels = Mapping[str, str]
Row = dict[str, object]

Of = Literal["cluster", "pods", "nodes", "namespaces", "jobs"]
"""What a selector is narrowed to: the whole cluster, or the pods, nodes, namespaces or scrape jobs that turned out to
have to do with GPUs."""


@dataclass(frozen=True)
class Read:
    """A selector whose raw samples are read; each series becomes a row of ``table``, or none where ``row`` returns
    None.

    by_value: the value is a name (a job's id), not a number: each value of a series becomes a series of its own, whose
    row is made of its labels and the label ``value``.
    """

    selector: Selector | Expression
    table: str
    row: Callable[[Labels], Row | None]
    source: Source
    of: Of = "cluster"
    by_value: bool = False

    @property
    def exporter(self) -> str:
        return self.source.exporter


@dataclass(frozen=True)
class Fact:
    """A selector of series that hold as long as they are there: read once for all the time, one row of ``table`` per
    series. exporter: named where the facts are narrowed."""

    selector: Selector | Expression
    table: str
    row: Callable[[Labels, float], Row | None]
    of: Of = "cluster"
    exporter: str = ""


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
    """What one exporter has to say. title: its name, for people; uuid_label: the label that names GPUs, the same in
    whichever Prometheus its series are."""

    name: str
    title: str
    reads: tuple[Read, ...] = ()
    facts: tuple[Fact, ...] = ()
    memory: Memory | None = None
    uuid_label: str | None = None

    @property
    def questions(self) -> tuple[Read | Fact, ...]:
        return (*self.reads, *self.facts)

    @property
    def metrics(self) -> set[str]:
        return {question.selector.metric for question in self.questions}


def told(labels: Labels, name: str) -> str:
    """A label as the exporter said it, also where Prometheus renamed it because the scrape target has one of the same
    name."""
    return labels.get(f"exported_{name}") or labels.get(name, "")


def as_resource(name: str) -> str:
    """A resource as kube-state-metrics spells it (``nvidia_com_gpu``), which a quota may write as
    ``requests.nvidia.com/gpu``."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name.removeprefix("requests."))


def host(address: str) -> str:
    """The host of a scrape target's address, without the port."""
    return re.sub(r":\d+$", "", address)


def placed(labels: Labels, *node_labels: str) -> str:
    """The node that a series is about: what the first of these labels says, else the scraped host. An exporter that
    asks another host, or is asked through a tunnel, says localhost."""
    named = next((labels[name] for name in node_labels if labels.get(name)), "")
    return named if named and named not in ("localhost", "127.0.0.1") else host(labels.get("instance", ""))


def gpu_row(labels: Labels, node: str, reading: Reading | None, **known: object) -> Row:
    """A row of the series of GPUs. known: what else the exporter says. Without ``gpu_uuid``, the device is found by its
    node and its index ``gpu``, or as the MIG instance that another exporter knows by the same ``mig_uuid``. reading:
    None where the series only says who holds the GPU."""
    return {
        "reading": -1 if reading is None else reading.number,
        "job": labels.get("job", ""),
        "instance": labels.get("instance", ""),
        "node": node,
        "gpu_uuid": None,
        "gpu_instance": "",
        "names_holders": False,
        **known,
    }


def pod_labels_of(labels: Labels) -> Row:
    """The labels that name the holding pod, both as the exporter wrote them and as Prometheus may have renamed them."""
    names = ("namespace", "pod", "exported_namespace", "exported_pod")
    return {name: labels.get(name) for name in names}


def pod_named(namespace: str | None, pod: str | None) -> Row:
    """The labels of the holding pod, where the exporter names it in labels that no scrape target has: Prometheus never
    renames them."""
    return {"namespace": namespace, "pod": pod, "exported_namespace": namespace, "exported_pod": pod}


def memory_of(reads: tuple[Read, ...], *node_labels: str) -> Memory:
    """How nodes are found again by any series of their GPUs. A counter's last sample stands for no time: it does not
    tell until when a GPU was there."""
    lasting = tuple(read for read in reads if not read.source.counter)
    shown = Selector("", (one_of("__name__", [read.selector.metric for read in reads]),))
    return Memory(shown, node_labels, lasting, is_any_enough=True)


SLURM_JOB = "SlurmJob"
"""The kind of workload that a job of Slurm is."""


def job_fact(
    job: str | None, name: str | None = None, user: str | None = None, account: str | None = None
) -> Row | None:
    """Whose a job of Slurm is."""
    known: Row = {"name": name, "user": user, "account": account}
    return {"workload_kind": SLURM_JOB, "workload": job} | known if job else None


def readings_of(exporter: str) -> list[Reading]:
    """What the catalogue reads of an exporter's series of GPUs."""
    return [reading for (name, _), reading in READINGS.items() if name == exporter]


def source_of(metric: str, exporter: str) -> Source:
    """From which series of an exporter the catalogue reads a metric."""
    return next(source for source in METRICS[metric].entry.sources if source.exporter == exporter)
