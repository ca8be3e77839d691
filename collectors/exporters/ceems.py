"""CEEMS: which jobs of Slurm, pods or virtual machines hold which devices. How much these work, their vendor's exporter
tells."""

from collectors.prometheus import Selector
from collectors.vocabulary import SLURM_JOB, Fact, Labels, Read, Row, Vocabulary, gpu_row, job_fact, placed
from queries.catalogue import Source

MACHINES = {"slurm": SLURM_JOB, "libvirt": "VirtualMachine"}
"""What the units of each manager are; Kubernetes' are pods."""


def held(labels: Labels) -> Row | None:
    """A device and the unit that holds it."""
    unit, uuid = labels.get("uuid"), labels.get("gpuuuid")
    if not unit or not uuid:
        return None
    kind = MACHINES.get(labels.get("manager", ""))
    holder: Row = {"workload": unit, "workload_kind": kind} if kind else {"pod_uid": unit}
    device: Row = {"gpu_uuid": uuid, "gpu_instance": labels.get("gpuiid", ""), "gpu": labels.get("index")}
    return gpu_row(labels, placed(labels, "hostname"), None, **device, **holder, names_holders=True)


def watched(labels: Labels) -> Row:
    """A node whose units are known: a device that no unit holds is free."""
    return gpu_row(labels, placed(labels, "hostname"), None, is_of_node=True, names_holders=True)


def job(labels: Labels, _: float) -> Row | None:
    """Of whom older versions tell."""
    account = labels.get("account") or labels.get("project")
    return job_fact(labels.get("uuid"), user=labels.get("user"), account=account)


FLAG, UNITS = "ceems_compute_unit_gpu_index_flag", "ceems_compute_units"

VOCABULARY = Vocabulary(
    "ceems",
    "CEEMS",
    (
        Read(Selector(FLAG), "gpu_series", held, Source(exporter="ceems", series=FLAG)),
        Read(Selector(UNITS), "gpu_series", watched, Source(exporter="ceems", series=UNITS)),
    ),
    (Fact(Selector(FLAG, ('user!=""',)), "job_facts", job),),
)
