"""Explanation: why a GPU-second stands in its column: the rule, whose it is, what was seen, and who wrote it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from queries.catalogue import DIMENSIONS, LEDGER_COLUMNS
from queries.datasets import TIME
from queries.plan import Part
from queries.question import Answer, Asker, Question
from queries.window import HOUR, Window

RULES = {
    "busy": "The holder is certain and the utilization is trusted: what was worked of the holder's share is busy.",
    "idle": "The holder is certain and the utilization is trusted: what was not worked of the holder's share is idle.",
    "held": "The GPU is allocated, and no utilization may be trusted for its holder: it can be called neither busy nor"
    " idle.",
    "free": "The allocation is known, nobody holds this part of the GPU, and it was not seen doing work.",
    "unattributed": "The GPU did more work than the shares of its known holders account for.",
    "unavailable": "The node or the GPU cannot be used, and was not seen doing work.",
    "unknown": "Nobody says whether the GPU is allocated, and it was not seen doing work.",
}
"""Why time is booked in a column."""

REASONS = {
    "not_ready": "The node was not ready, or down.",
    "fault": "The GPU had a fault that takes it out of work.",
    "drained": "The node was drained.",
    "cordoned": "The node was cordoned: nothing new is placed on it.",
    "node_holder": "A utilization was seen, but it is not known which of the node's GPUs the holder has.",
    "shared_estimate": "The GPU is shared: its utilization was divided by the holders' shares, not measured for each.",
    "over_fraction": "The GPU did more work than the fractions that its holders requested.",
    "sentinel": "The exporter told a value that cannot be one, as of a GPU that does not answer.",
    "no_utilization": "The exporter spoke of this GPU, but told no utilization.",
    "exporter_down": "No exporter spoke of this GPU, while the scheduler did.",
    "gap": "Nobody spoke of this GPU: neither an exporter nor the scheduler.",
}
"""The words of the ledger for what does not follow from the column."""

ATTRIBUTIONS = {
    "device": "The exporter's labels of this very GPU name the holder.",
    "node": "The scheduler says that the holder runs on this node, and the GPU follows from that.",
    "none": "Nobody is known to hold this part of the GPU.",
}
"""How the holder is known."""

SOURCES = {
    "graphics_engine": "The share of time in which the graphics or compute engine was active (profiling field).",
    "kernel": "The share of time in which at least one kernel ran.",
}
"""What the utilization was read from."""

LONGEST_RUN = timedelta(days=2)
"""How long before it read an hour a run may have begun."""

SAID = pa.schema(
    [
        ("layer", pa.string()),
        ("rule", pa.string()),
        ("reason_text", pa.string()),
        ("attribution_text", pa.string()),
        ("utilization_source_text", pa.string()),
        ("read_at", TIME),
        ("run_kind", pa.string()),
        ("run_started_at", TIME),
        ("run_duration_seconds", pa.float64()),
        ("run_samples_read", pa.int64()),
        ("run_warnings", pa.string()),
    ]
)
"""What is added to the rows of explain.sql."""


@dataclass(frozen=True)
class Moment:
    """A GPU (its UUID, or UUID/instance) or a pod (namespace/pod) of a cluster, at a time."""

    cluster: str
    time: datetime
    gpu: str | None = None
    pod: str | None = None

    @property
    def window(self) -> Window:
        """The hour that it is in."""
        return Window.hour_of(self.time)

    def parameters(self) -> dict[str, Any]:
        namespace, _, pod = (self.pod or "").rpartition("/")
        at = int(self.time.timestamp())
        return {"cluster": self.cluster, "at": at, "gpu": self.gpu, "pod": pod, "namespace": namespace}


def explain(asker: Asker, moment: Moment) -> Answer:
    """One row per holder and column of the step; of the hour, where its samples are not kept any more."""
    raw, hour = Part("raw", moment.window), Part("hour", moment.window)
    rows, part = booked(asker, moment, raw), raw
    if not len(rows):
        rows, part = booked(asker, moment, hour), hour
    answer = asker.complete(Question(moment.window), [part], explained(asker, rows, part.layer))
    return replace(answer, clusters=tuple(each for each in answer.clusters if each.name == moment.cluster), warnings=())


def booked(asker: Asker, moment: Moment, part: Part) -> pa.Table:
    return asker.engine.ask(
        "explain",
        asker.scope,
        asker.snapshot,
        [part],
        moment.parameters(),
        ledger_columns=LEDGER_COLUMNS,
        gpu=DIMENSIONS["gpu"].sql,
        is_by_pod=moment.pod is not None,
    )


def explained(asker: Asker, rows: pa.Table, layer: str) -> pa.Table:
    """The rows with their rule and reason in words, and the run that wrote them."""

    @cache
    def written_by(cluster: str, hour: datetime, revision: int) -> dict[str, Any]:
        return writer(asker, cluster, hour, revision)

    said = [
        {
            "layer": layer,
            "rule": RULES[row["column"]],
            "reason_text": REASONS.get(row["reason"]),
            "attribution_text": ATTRIBUTIONS.get(row["attribution"]),
            "utilization_source_text": SOURCES.get(row["utilization_source"]),
            **written_by(row["cluster"], row["window_start"], row["revision"]),
        }
        for row in rows.to_pylist()
    ]
    added = pa.Table.from_pylist(said, schema=SAID)
    for name in SAID.names:
        rows = rows.append_column(SAID.field(name), added[name])
    return rows


def writer(asker: Asker, cluster: str, hour: datetime, revision: int) -> dict[str, Any]:
    """When an hour was read, and by which run; without a run where none is recorded."""
    read_at = datetime.fromtimestamp(revision, UTC)
    window = Window(read_at - LONGEST_RUN, read_at + HOUR)
    parameters = {"cluster": cluster, "hour": int(hour.timestamp()), "revision": revision}
    found = asker.engine.ask_runs("writer", asker.scope, window, parameters).to_pylist()
    run = {f"run_{name}": value for name, value in found[0].items()} if found else {}
    if run:
        run["run_warnings"] = "; ".join(run["run_warnings"] or ()) or None
    return {"read_at": read_at, **run}
