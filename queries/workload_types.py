"""Workload types: which kinds of workloads train, serve, or wait for a person, and what counts as waste for each."""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Literal, get_args

WorkloadType = Literal["training", "interactive", "serving"]

WORKLOAD_TYPES: tuple[WorkloadType, ...] = get_args(WorkloadType)

KINDS: dict[str, WorkloadType] = {
    "Notebook": "interactive",
    "Workspace": "interactive",
    "InteractiveWorkload": "interactive",
    "DeterminedTask": "interactive",
    "VirtualMachine": "interactive",
    "Deployment": "serving",
    "ReplicaSet": "serving",
    "ReplicationController": "serving",
    "StatefulSet": "serving",
    "DaemonSet": "serving",
    "LeaderWorkerSet": "serving",
    "InferenceService": "serving",
    "InferenceWorkload": "serving",
    "DistributedInferenceWorkload": "serving",
    "RayService": "serving",
    "Revision": "serving",
    "SeldonDeployment": "serving",
    "NIMService": "serving",
}
"""What is not named here runs to an end and is training: jobs of all frameworks, of Slurm, and bare pods."""

CATEGORIES: dict[str, str] = {"training": "Train", "interactive": "Build", "serving": "Deploy"}
"""Run:ai's names of workload types."""

FRAMEWORKS = {"PyTorchJob": "PyTorch", "TFJob": "TF", "MPIJob": "MPI", "XGBoostJob": "XGBoost", "JAXJob": "JAX"}
"""Run:ai's names of the frameworks of distributed workloads, by the kind."""

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Thresholds:
    """What counts as waste.

    never_used_after: a GPU that was held and idle so long, and never active, was never used. idle_tail_after: so long
    after its last activity is a tail. judged_after: so long must a GPU be measured, its tail aside, before its
    utilization is judged: low_utilization_below, or oversized_utilization_below where the most memory that was used is
    oversized_memory_below of the GPU's. no_process_after: so long must there be less memory in use than
    no_process_memory_below_bytes. active_above: a step or an hour that shows a higher utilization is active.
    """

    active_above: float = 0.01
    never_used_after: timedelta = timedelta(minutes=30)
    idle_tail_after: timedelta = timedelta(hours=1)
    judged_after: timedelta = timedelta(hours=1)
    low_utilization_below: float = 0.2
    oversized_memory_below: float = 0.25
    oversized_utilization_below: float = 0.5
    no_process_after: timedelta = timedelta(minutes=30)
    no_process_memory_below_bytes: float = 256 * MEBIBYTE


THRESHOLDS = tuple(field.name for field in fields(Thresholds))

Policy = dict[WorkloadType, Thresholds]

DEFAULTS: Policy = {
    "training": Thresholds(),
    "interactive": Thresholds(
        never_used_after=timedelta(hours=2),
        idle_tail_after=timedelta(hours=4),
        judged_after=timedelta(hours=8),
        low_utilization_below=0.05,
        no_process_after=timedelta(hours=2),
    ),
    "serving": Thresholds(
        never_used_after=timedelta(days=1),
        idle_tail_after=timedelta(days=1),
        judged_after=timedelta(days=1),
        low_utilization_below=0.05,
        no_process_after=timedelta(hours=1),
    ),
}
"""People pause, and servers wait for requests: both are given more time than what could have ended."""


def type_sql() -> str:
    """The type of a workload, over the ledger's columns."""
    cases = " ".join(f"when workload_kind = '{kind}' then '{each}'" for kind, each in KINDS.items())
    return f"case {cases} else 'training' end"


def category_sql() -> str:
    """Run:ai's name of the type of a workload."""
    cases = " ".join(f"when workload_kind = '{kind}' then '{CATEGORIES[each]}'" for kind, each in KINDS.items())
    return f"case {cases} else '{CATEGORIES['training']}' end"


def framework_sql() -> str:
    """Run:ai's name of the framework of a distributed workload."""
    cases = " ".join(f"when '{kind}' then '{name}'" for kind, name in FRAMEWORKS.items())
    return f"case workload_kind {cases} end"


def limits_sql(of: WorkloadType) -> str:
    """A row of the thresholds of a type, as the names of a question's parameters."""
    return f"'{of}', {', '.join(f'${of}_{name}' for name in THRESHOLDS)}"


def parameters(policy: Policy) -> dict[str, float]:
    """The values of these names; times in seconds."""
    return {f"{each}_{name}": number_of(getattr(policy[each], name)) for each in WORKLOAD_TYPES for name in THRESHOLDS}


def number_of(value: timedelta | float) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value
