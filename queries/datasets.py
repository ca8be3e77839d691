"""The datasets of the lake: their columns, and how they are partitioned."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from queries.catalogue import GAUGES, LEDGER_COLUMNS, METRICS

TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Dataset:
    """What a table of the lake holds.

    partitions: the columns that its folders are made of; ``period`` is the day or month (UTC) that a row belongs to.
    clock: the column that says when. statistics: the columns of which the log keeps the extremes of each file. orders:
    how the rows of a layer are sorted where they are compacted (one without layers has the layer ""): what is alike
    lies together.
    """

    name: str
    schema: pa.Schema
    partitions: tuple[str, ...]
    clock: str
    statistics: tuple[str, ...]
    orders: Mapping[str, str]


WHEN = [
    ("cluster", pa.string()),
    ("layer", pa.string()),
    ("period", pa.string()),
    ("window_start", TIME),
    ("revision", pa.int64()),
    ("time", TIME),
    ("elapsed_seconds", pa.float64()),
]
"""``window_start`` is the hour that a row was collected with, ``revision`` the Unix second at which it was read,
``elapsed_seconds`` the time that the row stands for."""

WHAT = [
    (name, pa.string())
    for name in (
        "kind",
        "node_pool",
        "node",
        "gpu_uuid",
        "gpu_instance",
        "gpu",
        "gpu_model",
        "gpu_profile",
        "namespace",
        "pod",
        "pod_uid",
        "workload",
        "workload_kind",
        "project",
        "user",
        "attribution",
        "reason",
        "utilization_source",
    )
]
"""``kind`` is ``gpu`` for rows of the ledger, ``project`` for what is known of a project alone, ``empty`` for an hour
in which a cluster showed nothing."""

CAPACITY = [("capacity_seconds", pa.float64())]

BOOKED = [(f"{column}_seconds", pa.float64()) for column in LEDGER_COLUMNS] + [("measured_seconds", pa.float64())]
"""Where the capacity was booked. Set in hourly rows; in raw rows they follow from ``JUDGED`` and the utilization."""

JUDGED = [("rest", pa.string()), ("held_ratio", pa.float64()), ("device_seconds", pa.float64())]
"""Set in raw rows: the column in which the time is booked that was not worked, the share of the slot that all its
holders have, and the time of the device, which for a MIG instance is more than its share of the GPU."""

ENERGY = [("energy_joules", pa.float64())]
"""In raw rows set where a counter was read; elsewhere it follows from the power."""

GAUGED = [(name, pa.float64()) for metric in GAUGES for name in (metric.integral, metric.seconds)]
"""Set in hourly rows; in raw rows they follow from the value, which is the largest."""

EXTREMES = [(name, pa.float64()) for metric in METRICS.values() for name in metric.extremes or ()]
"""In raw rows, the largest is the value and the smallest is not set."""

HISTOGRAM = [
    ("utilization_bins", pa.list_(pa.int16())),
    ("utilization_bin_seconds", pa.list_(pa.float64())),
]
"""Set in hourly rows: the measured seconds in each hundredth of the utilization that occurred (0 to 100)."""

LEDGER_SCHEMA = pa.schema(WHEN + WHAT + CAPACITY + BOOKED + JUDGED + ENERGY + GAUGED + EXTREMES + HISTOGRAM)

SUMMED_COLUMNS = tuple(name for name, _ in CAPACITY + BOOKED + ENERGY + GAUGED)

LEDGER = Dataset(
    "ledger",
    LEDGER_SCHEMA,
    partitions=("cluster", "layer", "period"),
    clock="window_start",
    statistics=("window_start", "revision", "time"),
    orders={
        "raw": "node, gpu_uuid, gpu_instance, namespace, pod, time",
        "hour": "window_start, node, gpu_uuid, gpu_instance",
    },
)
"""``layer`` is ``raw`` (one row per step; ``period`` is the day) or ``hour`` (one row per hour; ``period`` is the
month)."""

COLLECTIONS = Dataset(
    "collections",
    pa.schema(
        [
            ("cluster", pa.string()),
            ("period", pa.string()),
            ("started_at", TIME),
            ("duration_seconds", pa.float64()),
            ("kind", pa.string()),
            ("window_start", TIME),
            ("window_end", TIME),
            ("samples_read", pa.int64()),
            ("bytes_read", pa.int64()),
            ("hours_written", pa.int64()),
            ("rows_written", pa.int64()),
            ("success", pa.bool_()),
            ("error", pa.string()),
            ("warnings", pa.list_(pa.string())),
            ("counted", pa.list_(pa.struct([("hour", TIME), ("samples", pa.int64())]))),
        ]
    ),
    partitions=("cluster", "period"),
    clock="started_at",
    statistics=("started_at",),
    orders={"": "started_at"},
)
"""One row per run of a collector, also where it failed. ``kind`` is ``live``, ``fill`` or ``correction``; the window is
what it was to collect; ``counted`` says of hours that are final with this run how many samples Prometheus had of them:
more of them later are late data."""

WORKLOADS = Dataset(
    "workloads",
    pa.schema(
        [
            ("cluster", pa.string()),
            ("period", pa.string()),
            ("window_start", TIME),
            ("revision", pa.int64()),
            ("time", TIME),
            *[
                (name, pa.string())
                for name in ("namespace", "workload", "workload_kind", "uid", "project", "user", "state", "reason")
            ],
            ("requested_gpus", pa.float64()),
            ("allocated_gpus", pa.float64()),
            ("cpu_cores_requested", pa.float64()),
            ("memory_bytes_requested", pa.float64()),
            ("nodes", pa.list_(pa.string())),
            ("images", pa.list_(pa.string())),
            ("owner_kind", pa.string()),
            ("owner", pa.string()),
            ("queue_seconds", pa.float64()),
            ("gpu_model", pa.string()),
        ]
    ),
    partitions=("cluster", "period"),
    clock="window_start",
    statistics=("window_start", "revision", "time"),
    orders={"": "time, namespace, workload"},
)
"""One row per change of a workload's state: submitted, pending, initializing (a pod has a node, and holds GPUs there),
running or ended (``reason`` says how), at ``time``, collected with the hour ``window_start``."""
