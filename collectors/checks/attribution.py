"""Whether a holder's project and user, and a node's pool, can be named."""

from collections.abc import Iterable, Iterator

from collectors.examination import Examination
from collectors.finding import Check, Finding

ALLOWLIST = "--metric-labels-allowlist=pods=[project,user],nodes=[node_pool,nvidia.com/gpu.replicas]"

LISTED = 8
"""So many labels are listed."""


def no_project_labels(examination: Examination) -> Iterator[Finding]:
    cluster, labels = examination.cluster, labels_of_holders(examination)
    if labels is None or cluster.projects or has_any(labels | namespace_labels(examination), cluster.labels.project):
        return
    yield Finding(
        "warning",
        f"no pod with GPUs has a label that names a project: {listed(labels)}",
        "projects are named after namespaces",
        fix_of(labels, "project") + "; or set clusters.projects, which names projects by patterns of namespaces",
    )


def no_user_labels(examination: Examination) -> Iterator[Finding]:
    labels = labels_of_holders(examination)
    if labels is None or has_any(labels, examination.cluster.labels.user):
        return
    yield Finding(
        "note",
        f"no pod with GPUs has a label that names a user: {listed(labels)}",
        "users are unknown: shown as (none)",
        fix_of(labels, "user"),
    )


def no_node_labels(examination: Examination) -> Iterator[Finding]:
    nodes, shown = {node for node, _ in examination.shown.capacity}, examination.shown
    labels = {label for node in nodes for label in shown.node_labels.get(node, ())}
    if not nodes or has_any(labels, examination.cluster.labels.node_pool):
        return
    replicas = (
        ""
        if "label_nvidia_com_gpu_replicas" in labels
        else ("; of GPUs that are time-sliced under their plain name, each part counts as a GPU")
    )
    yield Finding(
        "note",
        f"no node with GPUs has a label that names its pool: {listed(labels)}",
        f"nodes cannot be grouped by pool{replicas}",
        fix_of(labels, "node_pool"),
    )


def labels_of_holders(examination: Examination) -> set[str] | None:
    """The labels of running pods that request GPUs; None where there is no such pod."""
    pods = {request.pod for request in examination.shown.requests}
    rows = [row for row in examination.shown.rows("pod_facts") if (str(row["namespace"]), str(row["pod"])) in pods]
    return {name for row in rows for name, _ in pairs(row.get("labels"))} if pods else None


def namespace_labels(examination: Examination) -> set[str]:
    return {name for row in examination.shown.rows("namespace_facts") for name, _ in pairs(row.get("labels"))}


def pairs(labels: object) -> list[tuple[str, str]]:
    return labels if isinstance(labels, list) else []


def has_any(labels: Iterable[str], names: Iterable[str]) -> bool:
    return not {f"label_{name}" for name in names}.isdisjoint(labels)


def listed(labels: set[str]) -> str:
    names = sorted(label.removeprefix("label_") for label in labels)
    if not names:
        return "kube-state-metrics publishes none"
    return f"the labels there are: {', '.join(names[:LISTED])}" + (" and others" if len(names) > LISTED else "")


def fix_of(labels: set[str], key: str) -> str:
    if labels:
        return f"set clusters.labels.{key} to the one that does, or let kube-state-metrics publish it ({ALLOWLIST})"
    return f"let kube-state-metrics publish labels ({ALLOWLIST}), and name yours in clusters.labels.{key}"


CHECKS = (
    Check("no_project_labels", "projects are named by labels or patterns", no_project_labels),
    Check("no_user_labels", "pods' labels name users", no_user_labels),
    Check("no_node_labels", "nodes' labels name pools", no_node_labels),
)
