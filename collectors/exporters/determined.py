"""Determined's master: which GPUs its containers hold, and which tasks and experiments these belong to. How much the
GPUs work, and on which node they are, their vendor's exporter tells."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import Fact, Labels, Read, Row, Vocabulary, gpu_row
from queries.catalogue import Source

CONTAINER, ALLOCATION, TASK, JOB, EXPERIMENT = (
    f"Determined{name}" for name in ("Container", "Allocation", "Task", "Job", "Experiment")
)

CHAIN = {
    "det_container_id_allocation_id": ((CONTAINER, "container_id"), (ALLOCATION, "allocation_id")),
    "det_allocation_id_task_id_task_actor": ((ALLOCATION, "allocation_id"), (TASK, "task_id")),
    "det_job_id_experiment_id": ((JOB, "job_id"), (EXPERIMENT, "experiment_id")),
}
"""What belongs to what, by the series that tells it; a task that is of an experiment has its job's id."""


def held(labels: Labels) -> Row | None:
    """A GPU and its container. The value is a count, which stays 0 after the end."""
    uuid, container = labels.get("gpu_uuid"), labels.get("container_id")
    if labels["value"] == "0" or not uuid or not container:
        return None
    return gpu_row(labels, "", None, gpu_uuid=uuid, workload=container, workload_kind=CONTAINER)


def owner(of: tuple[str, str], to: tuple[str, str], labels: Labels, _: float) -> Row | None:
    (kind, label), (owner_kind, owner_label) = of, to
    name, owner_name = labels.get(label), labels.get(owner_label)
    row: Row = {"namespace": "", "kind": kind, "name": name, "owner_kind": owner_kind, "owner_name": owner_name}
    return row if name and owner_name else None


def owner_of_task(labels: Labels, value: float) -> Row | None:
    return owner((TASK, "task_id"), (JOB, "job_id"), labels, value)


GPUS = "det_gpu_uuid_container_id"

VOCABULARY = Vocabulary(
    "determined",
    "Determined",
    (Read(Selector(GPUS), "gpu_series", held, Source(exporter="determined", series=GPUS), by_value=True),),
    (
        *(Fact(Selector(series), "owners", partial(owner, of, to)) for series, (of, to) in CHAIN.items()),
        Fact(Selector("det_allocation_id_task_id_task_actor", ('job_id!=""',)), "owners", owner_of_task),
    ),
)
