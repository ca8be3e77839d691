"""Present: what projects and departments have now: the GPUs that they hold, wait for and may have, and what else their
workloads asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from queries.catalogue import METRICS
from queries.observations import in_states
from queries.question import Asker, Question
from queries.window import Window

Level = Literal["project", "department"]

Key = tuple[str, str]
"""A cluster, and a project or department of it."""


@dataclass(frozen=True)
class Amounts:
    """Of GPUs in devices, of processors in millicores, of main memory in MB; None where nothing is known."""

    gpu: float | None = None
    cpu: float | None = None
    memory: float | None = None


UNKNOWN = Amounts()


@dataclass(frozen=True, eq=False)
class Present:
    """By cluster and project or department. pools: allocated GPUs by node pool, where workloads run."""

    allocated: Mapping[Key, Amounts] = field(default_factory=dict)
    requested: Mapping[Key, Amounts] = field(default_factory=dict)
    pools: Mapping[Key, Mapping[str, float]] = field(default_factory=dict)
    gpu_quotas: Mapping[Key, float] = field(default_factory=dict)
    collected: frozenset[str] = frozenset()
    """The clusters of which something is known now."""


NOTHING_NOW = Present()
"""Where it was not asked."""


def ask_present(asker: Asker, window: Window, level: Level) -> Present:
    """In the newest step of each cluster within a window."""
    question = Question(window, None, ("cluster", level))
    held = asker.range(replace(question, by=(*question.by, "node_pool")), [METRICS["gpus_allocated"]]).rows.to_pylist()
    gpus: dict[Key, float] = {}
    pools: dict[Key, dict[str, float]] = {}
    for row in held:
        key = row["cluster"], row[level]
        if row[level] is not None and row["gpus_allocated"] is not None:
            gpus[key] = gpus.get(key, 0.0) + row["gpus_allocated"]
            if row["node_pool"] is not None:
                pools.setdefault(key, {})[row["node_pool"]] = row["gpus_allocated"]
    cores, memory, waiting = (
        summed(asker, question, name, level)
        for name in ("cpu_cores_requested", "memory_bytes_requested", "gpus_requested")
    )
    quotas = asker.range(question, [METRICS["gpus_quota"]]).rows.to_pylist()
    return Present(
        {
            key: Amounts(gpus.get(key), scaled(cores.get(key), 1000), scaled(memory.get(key), 1e-6))
            for key in {*gpus, *cores, *memory}
        },
        {key: Amounts(amount) for key, amount in waiting.items()},
        pools,
        {(row["cluster"], row[level]): row["gpus_quota"] for row in quotas if row["gpus_quota"] is not None},
        frozenset(row["cluster"] for row in held),
    )


def summed(asker: Asker, question: Question, state: str, level: Level) -> dict[Key, float]:
    rows = in_states(asker, question, state).to_pylist()
    return {(row["cluster"], row[level]): row["value"] for row in rows if row["value"] is not None}


def scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
