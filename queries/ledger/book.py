"""Booking: run the steps of the ledger over what was read, and check that every second is booked once."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from queries.ledger.counting import chains_of, count
from queries.ledger.gauging import gauge
from queries.ledger.inputs import Inputs
from queries.ledger.standing import by_number, join, stand, together, unchanged
from queries.ledger.steps import TABLES, Present, parsed
from queries.ledger.storing import stored_changes, stored_rows
from queries.settings import Cluster
from queries.window import HOUR, Window, milliseconds

MARGIN = timedelta(minutes=5)
"""How far beyond an hour's ends samples are read: what stands into it, and what a counter went on to."""

GRACE = timedelta(minutes=10)
"""How long a node that the scheduler no longer lists keeps its capacity."""

IN_ORDER = [(name, "ascending") for name in ("window_start", "identity", "time")]
"""Raw rows by hour, and within it each share of a slot by itself: that is read and compressed best."""

MEMORY = timedelta(days=7)
"""How long a silent node keeps its capacity while the scheduler is silent too."""


GPU_MODEL_LABELS = ["label_nvidia_com_gpu_product", "label_amd_com_gpu_product_name"]
"""What the vendors' feature discovery calls a node's GPUs."""

NO_PROJECTS = [{"expression": "^$", "project": ""}]
"""A list that is empty has no type; this one fits no namespace."""


class UnbalancedError(Exception):
    """The booking lost or doubled time. A defect of ours: nothing of it may be stored."""


@dataclass(frozen=True)
class Booked:
    """The rows of whole hours, ordered by hour: ``raw`` one per step, slot and holder; ``hours`` the same summed
    (columns: LEDGER, names as dictionaries); ``workloads`` one per change of a state (columns: WORKLOADS)."""

    raw: pa.Table
    hours: pa.Table
    workloads: pa.Table

    def of(self, window: Window) -> pa.Table:
        """The rows of some of the hours, raw and summed."""
        return pa.concat_tables(rows_of(table, window) for table in (self.raw, self.hours))


def book(
    connection: duckdb.DuckDBPyConnection, cluster: Cluster, window: Window, as_of: datetime, inputs: Inputs
) -> Booked:
    """Book every GPU-second of whole hours, up to the last step that had ended at ``as_of``.

    connection: an engine of one's own; what the booking leaves in it may be reused by the next.

    Raises:
        UnbalancedError: the rows do not sum to the capacity.
    """
    step = milliseconds(cluster.step)
    until = min(milliseconds(window.end), milliseconds(as_of) // step * step)
    parameters = {
        "start": milliseconds(window.start),
        "end": milliseconds(window.end),
        "until": until,
        "step": step,
        "hour": milliseconds(HOUR),
        "margin": milliseconds(MARGIN),
        "grace": milliseconds(GRACE),
        "memory": milliseconds(MEMORY),
        "honor_labels": str(cluster.honor_labels).lower(),
        "utilization_source": cluster.utilization_source,
        "gpu_model_labels": GPU_MODEL_LABELS,
        **whose(cluster),
    }
    present = Present(
        frozenset(inputs.tables["gpu_series"]["reading"].unique().to_pylist()),
        frozenset(inputs.tables["entity_series"]["metric"].unique().to_pylist()),
    )
    for statement in parsed("macros", present):
        connection.execute(statement)
    for name, table in (inputs.tables | stood(inputs, parameters)).items():
        connection.register(name, table)
    for name in TABLES:
        (statement,) = parsed(name, present)
        connection.execute(statement, used(parameters, statement))
    rows, hours, balance, changes, names = (
        connection.table(name).to_arrow_table() for name in ("rows", "hours", "balance", "workloads", "identities")
    )
    check_balance(balance)
    return Booked(
        raw=stored_rows("raw", cluster, until, as_of, rows.sort_by(IN_ORDER), names),
        hours=stored_rows("hour", cluster, until, as_of, hours, names),
        workloads=stored_changes(cluster, as_of, changes),
    )


def whose(cluster: Cluster) -> dict[str, Any]:
    """What tells whose a pod or a node is: labels, by kube-state-metrics' names, and patterns of namespaces."""
    labels = cluster.labels
    return {
        "project_labels": spellings(labels.project),
        "user_labels": spellings(labels.user),
        "node_pool_labels": spellings(labels.node_pool),
        "workload_labels": [{"label": f"label_{name}", "kind": kind} for name, kind in labels.workload.items()],
        "projects": [
            {"expression": as_expression(pattern), "project": project} for pattern, project in cluster.projects.items()
        ]
        or NO_PROJECTS,
    }


def spellings(names: tuple[str, ...]) -> list[str]:
    """How kube-state-metrics writes labels: where two become the same, it numbers them."""
    return [f"label_{name}{conflict}" for name in names for conflict in ("", "_conflict1", "_conflict2")]


def as_expression(pattern: str) -> str:
    """A pattern as a regular expression that captures what its ``*`` stands for."""
    return "^" + "(.*)".join(re.escape(part) for part in pattern.split("*")) + "$"


def used(parameters: dict[str, Any], statement: duckdb.Statement) -> dict[str, Any]:
    return {name: parameters[name] for name in statement.named_parameters}


def stood(inputs: Inputs, parameters: dict[str, Any]) -> dict[str, pa.Table]:
    """What the samples said, and for how long: by series (``unchanged``), and by device and step (``readings``)."""
    series, gpu_series = inputs.tables["series"], inputs.tables["gpu_series"]
    is_counter, is_valued = by_number(series, "counter"), np.ones(len(series), bool)
    is_valued[gpu_series["series"].to_numpy()] = False
    stands = stand(inputs.tables["samples"], series, parameters["step"])
    shown = told = stands
    if is_counter.any():
        counted = is_counter[stands.series]
        grown = count(stands.of(counted), chains_of(gpu_series, is_counter), parameters["margin"])
        shown = together(stands.of(~counted), grown)
        told = stands.of(~counted | ~is_valued[stands.series])
        if is_counter[is_valued].any():
            told = join(told, grown.of(is_valued[grown.series]))
    gauged = gauge(shown, gpu_series, parameters["start"], parameters["until"], parameters["step"])
    return {
        "unchanged": unchanged(told, is_valued),
        "readings": gauged.readings,
        "processes": gauged.processes,
    }


def rows_of(table: pa.Table, window: Window) -> pa.Table:
    """The slice of some hours, of a table that is ordered by hour."""
    starts = table["window_start"].cast(pa.int64()).to_numpy()
    low, high = starts.searchsorted([milliseconds(window.start) * 1000, milliseconds(window.end) * 1000])
    return table.slice(low, high - low)


def check_balance(imbalance: pa.Table) -> None:
    for problem in imbalance.to_pylist():
        at = datetime.fromtimestamp(problem["window_start"] / 1000, UTC).isoformat()
        raise UnbalancedError(
            f"node {problem['node']!r} in the hour from {at}: {problem['booked']} GPU-seconds were booked"
            f" of {problem['capacity']}; nothing was stored"
        )
