"""AMD's device-metrics-exporter: one series per GPU, or per partition of one, with the labels of the pod or job."""

import re
from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import (
    SLURM_JOB,
    Fact,
    Labels,
    Read,
    Row,
    Vocabulary,
    gpu_row,
    job_fact,
    memory_of,
    placed,
    pod_labels_of,
    readings_of,
)
from queries.catalogue import METRICS, Reading, Source

PREFIXES = ("", "amd_")
"""What the names of series may begin with: the exporter can be told so."""

CUT = re.compile(r"[dtqc]px")
"""The modes in which a GPU is several partitions; in mode spx it is one."""

UNTRUSTED = {
    source.series
    for metric in METRICS.values()
    if metric.entry.unit == "ratio"
    for source in metric.entry.sources
    if source.exporter == "amd"
}
"""How much a GPU works: of its partitions, the first tells what all did together, and the others 0 or nothing."""


def gpu(reading: Reading, labels: Labels) -> Row | None:
    """The device that a series speaks of, and who holds it. Of partitions, how much each works is not known."""
    device = partition(labels)
    if device is None:
        return None
    is_trusted = not device["gpu_profile"] or reading.source.series not in UNTRUSTED
    return gpu_row(
        labels,
        placed(labels, "hostname"),
        reading if is_trusted else None,
        **device,
        gpu=labels.get("gpu_id"),
        gpu_model=labels.get("card_series") or labels.get("card_model"),
        **pod_labels_of(labels),
        workload=labels.get("job_id") or None,
        workload_kind=SLURM_JOB,
    )


def partition(labels: Labels) -> Row | None:
    """The GPU by its serial number, and which part of it."""
    serial, mode = labels.get("serial_number"), labels.get("gpu_compute_partition_type", "").lower()
    if not serial or not labels.get("hostname"):
        return None
    if not CUT.fullmatch(mode):
        return {"gpu_uuid": serial, "gpu_instance": "", "gpu_profile": None}
    number, memory = labels.get("gpu_partition_id", ""), labels.get("gpu_memory_partition_type", "").lower()
    profile = f"{mode}_{memory}" if memory else mode
    return {"gpu_uuid": serial, "gpu_instance": number, "gpu_profile": profile} if number.isdecimal() else None


def fault(labels: Labels) -> Row | None:
    device = partition(labels)
    return device and {"gpu_uuid": device["gpu_uuid"], "gpu_instance": device["gpu_instance"], "faulty_from": 0.0}


def job(labels: Labels, _: float) -> Row | None:
    return job_fact(labels.get("job_id"), user=labels.get("job_user"))


HEALTH = Source(exporter="amd", series="gpu_health", scale=-1, range=(-1, 0))
"""1 is healthy and 0 is not: turned round, since a device is faulty from a value on."""

READS = tuple(
    Read(Selector(f"{prefix}{reading.source.series}"), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("amd")
    for prefix in PREFIXES
)

VOCABULARY = Vocabulary(
    "amd",
    "AMD device-metrics-exporter",
    (*READS, *(Read(Selector(f"{prefix}gpu_health"), "device_series", fault, HEALTH) for prefix in PREFIXES)),
    tuple(Fact(Selector(f"{prefix}gpu_health", ('job_id!=""',)), "job_facts", job) for prefix in PREFIXES),
    memory=memory_of(READS, "hostname"),
    uuid_label="serial_number",
)
