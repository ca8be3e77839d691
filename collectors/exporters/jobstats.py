"""plazonic's nvidia_gpu_prometheus_exporter (jobstats): one series per GPU and MIG instance, with its Slurm job as
labels, or as the value of a series in versions before September 2025."""

from functools import partial

from collectors.exporters.dcgm import PROFILE
from collectors.prometheus import Expression, Selector
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
    readings_of,
)
from queries.catalogue import Reading, Source

MIG = "MIG-"
"""What the UUIDs of instances begin with."""

USERS = Expression(
    'count by (jobid, userid) (count_values by (instance, uuid) ("jobid", $0 != 0)'
    " * on (instance, uuid) group_left (userid)"
    ' count_values by (instance, uuid) ("userid", max by (instance, uuid) ($1 != 0)))',
    (Selector("nvidia_gpu_jobId", ('jobid=""',)), Selector("nvidia_gpu_jobUid", ('jobid=""',))),
)
"""Which user had which job on the same device at the same time, where both are values."""


def gpu(reading: Reading | None, labels: Labels) -> Row | None:
    """The device that a series speaks of, and its job. An instance is found by the index of the GPU it is cut from;
    without a profile in its name it cannot be booked."""
    uuid, (model, _, profile) = labels.get("uuid", ""), labels.get("name", "").partition(" MIG ")
    is_instance = uuid.startswith(MIG)
    if not uuid or (is_instance and not PROFILE.fullmatch(profile)):
        return None
    return gpu_row(
        labels,
        placed(labels, "host"),
        reading,
        gpu_uuid=None if is_instance else uuid,
        gpu_instance=(labels.get("GPU_I_ID") or uuid) if is_instance else "",
        mig_uuid=uuid if is_instance else None,
        gpu=labels.get("minor_number"),
        gpu_model=model,
        gpu_profile=profile if is_instance else None,
        workload=labels.get("jobid") or None,
        workload_kind=SLURM_JOB,
        names_holders=True,
    )


def held(labels: Labels) -> Row | None:
    """The device, and its job as it was the value; 0 is none."""
    job = whole_number(labels["value"])
    return None if job is None else gpu(None, {**labels, "jobid": str(job) if job else ""})


def job(labels: Labels, _: float) -> Row | None:
    """The user is known by number only."""
    job, user = (whole_number(labels.get(name, "")) for name in ("jobid", "userid"))
    return job_fact(str(job), user=None if user is None else str(user)) if job else None


def whole_number(text: str) -> int | None:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("jobstats")
)

JOBS = Read(
    Selector("nvidia_gpu_jobId", ('jobid=""',)),
    "gpu_series",
    held,
    Source(exporter="jobstats", series="nvidia_gpu_jobId"),
    by_value=True,
)

VOCABULARY = Vocabulary(
    "jobstats",
    "nvidia_gpu_prometheus_exporter (jobstats)",
    (*READS, JOBS),
    (
        Fact(Selector("nvidia_gpu_memory_used_bytes", ('jobid!=""',)), "job_facts", job),
        Fact(USERS, "job_facts", job),
    ),
    memory=memory_of(READS, "instance"),
    uuid_label="uuid",
)
