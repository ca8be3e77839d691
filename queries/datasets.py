"""The datasets of the lake: their columns, and how they are partitioned."""

import pyarrow as pa

from queries.catalogue import GAUGES, LEDGER_COLUMNS, METRICS

TIME = pa.timestamp("us", tz="UTC")

PARTITIONS = ["cluster", "layer", "period"]
"""``layer`` is ``raw`` (one row per step; ``period`` is the day) or ``hour`` (one row per hour; ``period`` is the
month)."""

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
