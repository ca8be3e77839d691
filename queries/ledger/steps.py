"""The steps of the booking, in order, and their SQL with what follows from the catalogue filled in."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import duckdb

from queries.catalogue import ENERGY, GAUGES, LEDGER_COLUMNS, METRICS, READINGS, Metric, expression
from queries.datasets import LEDGER_SCHEMA, SUMMED_COLUMNS
from queries.template import read_template

TABLES = (
    "nodes",  # what is known of nodes, namespaces, and what holds without a change
    "namespaces",
    "facts",
    "labels",  # whom GPU series name; who there is to hold GPUs
    "holders",
    "devices",  # what each GPU showed in each step
    "gauges",
    "units",  # the scheduler's numbers in whole GPUs
    "requested",
    "remembered",
    "runs",  # time is cut where anything changes; from here on, everything is per run
    "scheduler",
    "present",
    "capacity",
    "health",
    "labelled",
    "slots",
    "running",
    "own_work",
    "label_holders",  # who holds which slot
    "node_holders",
    "allocated",
    "holdings",
    "entity_rows",
    "identities",  # the names behind the rows
    "pod_lives",  # from when to when whom was there
    "job_lives",
    "rows",  # what comes out: the rules of the ledger (gpu_rows), per step again
    "hours",
    "balance",
    "workloads",
)
"""Each is a table that the next ones read."""

RESOLUTION = {"ratio": 2**30, "watts": 2**16, "joules": 2**12, "celsius": 2**10, "bytes": 1, "bytes_per_second": 1}
"""So many steps of a unit are told apart. Powers of two: such numbers have zeros at their end, which take no space."""

ROW_KEYS = ("identity", "window_start", "time", "reason", "utilization_source")


@dataclass(frozen=True)
class Present:
    """What there are samples of: the numbers of the catalogue's readings of GPUs, and its metrics of projects, pods and
    nodes."""

    readings: frozenset[int]
    metrics: frozenset[str]


@cache
def parsed(name: str, present: Present) -> list[duckdb.Statement]:
    """The statements of a step, which makes a table if it is one of TABLES. Parsed once: that takes a sixth of the time
    of a small booking."""
    sql = read_step(name, present)
    return duckdb.extract_statements(f"create or replace temp table {name} as {sql}" if name in TABLES else sql)


def read_step(name: str, present: Present) -> str:
    """The SQL of a step."""
    gauges = [metric for metric in GAUGES if metric.name in present.metrics or expression(metric, present.readings)]
    absent = {name for metric in GAUGES if metric not in gauges for name in (metric.integral, metric.seconds)}
    gpu_gauges = [metric for metric in gauges if metric.entry.entity == "gpu"]
    return render(
        name,
        gauges=gauges,
        gpu_gauges=gpu_gauges,
        entity_gauges=[metric for metric in gauges if metric.entry.entity != "gpu"],
        expressions={
            metric.name: on_grid(metric, expression(metric, present.readings))
            for metric in (*GAUGES, ENERGY)
            if metric.entry.entity == "gpu"
        },
        graphics_engine_readings=serving_as("graphics_engine"),
        summed_columns=[name for name in SUMMED_COLUMNS if name not in absent],
        ledger_columns=[f"{column}_seconds" for column in LEDGER_COLUMNS],
        gpu_rows=render("gpu_rows", gpu_gauges=gpu_gauges),
        booked=booked("rows", ROW_KEYS, gauges),
    )


def on_grid(metric: Metric, value: str | None) -> str:
    """The SQL of a value rounded to a fraction of its unit that nobody can measure: what is left are few bits."""
    return f"to_grid({value}, {RESOLUTION[metric.entry.unit]})" if value else "null::double"


def booked(
    raw: str, keys: tuple[str, ...], gauges: list[Metric], columns: Collection[str] = tuple(LEDGER_SCHEMA.names)
) -> str:
    """The SQL that books raw rows. raw: where they are; keys: the columns that are passed on; columns: those that are
    booked."""
    has_power = METRICS["gpu_power_watts"] in gauges
    return render("booked", raw=raw, keys=keys, gauges=gauges, has_power=has_power, columns=columns)


def serving_as(utilization: str) -> list[int]:
    """The numbers of the readings that can serve as this kind of utilization."""
    return [
        READINGS[source.exporter, source.series].number
        for metric in GAUGES
        if metric.entry.gauge and metric.entry.gauge.utilization == utilization
        for source in metric.entry.sources
    ]


def render(name: str, **parts: object) -> str:
    return read_template("queries.ledger", name).render(**parts)
