"""NVIDIA's dcgm-exporter: one series per GPU (or MIG instance) and field, with the holding pod's or job's labels."""

import re
from functools import partial

from collectors.prometheus import Selector, one_of
from collectors.vocabulary import (
    SLURM_JOB,
    Labels,
    Read,
    Row,
    Vocabulary,
    gpu_row,
    memory_of,
    placed,
    pod_labels_of,
    readings_of,
)
from queries.catalogue import Reading, Source

PROFILE = re.compile(r"(\d+c\.)?\d+g\.\d+gb[a-z0-9.+]*")
"""A MIG profile as DCGM writes it: ``1g.10gb``, ``1g.10gb+me``, ``1c.3g.40gb``."""

FATAL_XIDS = ("48", "62", "64", "74", "79", "95", "119", "120", "140")
"""The errors after which a GPU does no work until it is reset: uncorrected memory, off the bus, a lost link, a stopped
system processor."""

FAILED = 20.0
"""DCGM's result of a failed health check; 0 is passed, 10 is a warning."""


def gpu(reading: Reading | None, labels: Labels) -> Row | None:
    """The device that a series speaks of. One without UUID, or an instance without a profile, cannot be booked."""
    uuid, instance, profile = labels.get("UUID"), labels.get("GPU_I_ID", ""), labels.get("GPU_I_PROFILE", "")
    if not uuid or (instance and not PROFILE.fullmatch(profile)):
        return None
    return gpu_row(
        labels,
        placed(labels, "hostname", "Hostname"),
        reading,
        gpu_uuid=uuid,
        gpu_instance=instance,
        gpu=labels.get("gpu"),
        gpu_model=labels.get("modelName"),
        gpu_profile=profile or None,
        **pod_labels_of(labels),
        pod_uid=labels.get("pod_uid"),
        workload=labels.get("hpc_job") or None,
        workload_kind=SLURM_JOB,
    )


def fault(faulty_from: float, labels: Labels) -> Row | None:
    uuid = labels.get("UUID") or labels.get("gpu_uuid")
    return {"gpu_uuid": uuid, "gpu_instance": "", "faulty_from": faulty_from} if uuid else None


def fault_read(selector: Selector, faulty_from: float) -> Read:
    source = Source(exporter="dcgm", series=selector.metric, range=(0, 1e6))
    return Read(selector, "device_series", partial(fault, faulty_from), source)


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("dcgm")
)

FAULTS = (
    fault_read(Selector("DCGM_EXP_XID_ERRORS_COUNT", (one_of("xid", FATAL_XIDS),)), 1),
    fault_read(Selector("DCGM_EXP_GPU_HEALTH_STATUS"), FAILED),
    fault_read(Selector("DCGM_FI_DEV_ROW_REMAP_FAILURE"), 1),
)

VOCABULARY = Vocabulary(
    "dcgm",
    "dcgm-exporter",
    (*READS, *FAULTS),
    memory=memory_of(READS, "Hostname", "hostname"),
    uuid_label="UUID",
)
