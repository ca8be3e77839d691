"""guilbaults' slurm-job-exporter: one series per job and GPU, while the job has processes. What it calls utilization is
NVML's where it asks NVML, and the multiprocessors' activity where it asks DCGM: then it tells of tensor cores too."""

from functools import partial

from collectors.exporters.jobstats import MIG
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
    readings_of,
)
from queries.catalogue import Reading

NOT_FOUND = "error"
"""What it says in place of an account that it could not look up."""


def gpu(reading: Reading, labels: Labels) -> Row | None:
    """The device that a series speaks of, by its index on the node; an instance by its own UUID, which another exporter
    must know, since this one does not say which part of which GPU it is."""
    name, job = labels.get("gpu"), labels.get("slurmjobid")
    if not name or not job:
        return None
    device: Row = {"mig_uuid": name} if name.startswith(MIG) else {"gpu": name}
    return gpu_row(
        labels,
        placed(labels),
        reading,
        **device,
        gpu_model=labels.get("gpu_type"),
        workload=job,
        workload_kind=SLURM_JOB,
    )


def job(labels: Labels, _: float) -> Row | None:
    account = labels.get("account", "")
    return job_fact(labels.get("slurmjobid"), user=labels.get("user"), account=account if account != NOT_FOUND else "")


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("slurm_job")
)

VOCABULARY = Vocabulary(
    "slurm_job",
    "slurm-job-exporter",
    READS,
    (Fact(Selector("slurm_job_memory_usage_gpu"), "job_facts", job),),
    memory=memory_of(READS, "instance"),
)
