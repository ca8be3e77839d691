"""Labels: what the labels of runai_* series are made of."""

from collections.abc import Callable
from dataclasses import dataclass

from queries.ids import CLUSTER, WORKLOAD, Kind

JOB_TYPES = {"training": "Train", "interactive": "Interactive", "serving": "Inference"}


@dataclass(frozen=True)
class Label:
    """A label: the dimensions that it follows from, and how. One of a single dimension that is spelled as it is can
    narrow what is asked."""

    dimensions: tuple[str, ...]
    spell: Callable[..., str] | None = None

    def value(self, names: dict[str, str | None]) -> str:
        """Its value; empty where it is not there."""
        given = [names[dimension] for dimension in self.dimensions]
        if given[-1] is None:
            return ""
        return self.spell(*given) if self.spell else given[-1]


def identified(kind: Kind) -> Label:
    return Label(kind.names, kind.id)


NAME, IDENTIFIER = Label(("workload",)), identified(WORKLOAD)
TYPE = Label(("workload_type",), lambda kind: JOB_TYPES[kind])

LABELS: dict[str, Label] = {
    "clusterId": identified(CLUSTER),
    "node": Label(("node",)),
    "gpu": Label(("gpu_index",)),
    "modelName": Label(("gpu_model",)),
    "project": Label(("project",)),
    "user": Label(("user",)),
    "workload_id": IDENTIFIER,
    "workload_name": NAME,
    "workload_type": TYPE,
    "job_uuid": IDENTIFIER,
    "job_name": NAME,
    "job_type": TYPE,
    "pod_name": Label(("pod",)),
    "pod_namespace": Label(("namespace",)),
    "pod_uuid": Label(("pod_uid",)),
}
