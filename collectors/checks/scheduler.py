"""What the scheduler tells of nodes and pods, and whether it fits what exporters show."""

from collections import defaultdict
from collections.abc import Iterator

from collectors.examination import Examination
from collectors.finding import Check, Finding, so_many
from collectors.shown import SHARED

NAMED = 5
"""So many nodes are named."""

SCRAPE_KUBE_STATE = (
    "scrape kube-state-metrics, or for a cluster without Kubernetes an exporter that names the jobs of GPUs"
)


def no_scheduler(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    if shown.capacity or not shown.gpus:
        return
    what = "no scheduler tells of its nodes: there is no series of kube_node_status_capacity with GPUs"
    if any(gpu.holder for gpu in shown.gpus):
        cost = (
            "a GPU whose exporter falls silent is unknown, where it could be held or free; nodes that are down or"
            " cordoned are not told from others"
        )
    else:
        cost = "who holds which GPU is not known: what works is unattributed, all the rest unknown, and nothing free"
    yield Finding("warning", what, cost, SCRAPE_KUBE_STATE)


def silent_gpus(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    if not shown.gpus:
        return
    missing = {node: count for node in {node for node, _ in shown.capacity} if (count := missing_of(examination, node))}
    if missing:
        total = sum(missing.values())
        yield Finding(
            "warning",
            f"no exporter shows {so_many(total, 'GPU')} that the scheduler counts: {named(missing)}",
            "that much is booked as held or free, and never as busy or idle",
            "see why the exporter does not run, or is not scraped, on these nodes",
        )


def missing_of(examination: Examination, node: str) -> float:
    """How many GPUs of a node no exporter shows. Of a node whose GPUs are cut, only whether any is shown."""
    shown = examination.shown
    has = {resource: count for (name, resource), count in shown.capacity.items() if name == node}
    seen = len({uuid for uuid, _ in shown.devices.get(node, ())})
    if any("_mig_" in resource for resource in has):
        return 0 if seen else sum(has.values())
    return max(0.0, sum(count for name, count in has.items() if name != SHARED) / shown.replicas(node) - seen)


def overcommitted(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    requested: dict[tuple[str, str], float] = defaultdict(float)
    for request in shown.requests:
        requested[request.node, request.resource] += request.amount
    beyond = {
        node: amount - shown.capacity[node, resource]
        for (node, resource), amount in requested.items()
        if (node, resource) in shown.capacity and amount > shown.capacity[node, resource]
    }
    if beyond:
        yield Finding(
            "warning",
            f"running pods request more than their node has: {named(beyond, '+')}",
            "what does not fit is not booked: some of these pods seem to hold less than they asked for",
            "look for pods that have ended on the node and still count as running, and at the node's device plugin",
        )


def named(nodes: dict[str, float], sign: str = "") -> str:
    texts = [f"{node} ({sign}{count:g})" for node, count in sorted(nodes.items())]
    return ", ".join(texts[:NAMED]) + (f" and {len(texts) - NAMED} more" if len(texts) > NAMED else "")


CHECKS = (
    Check("no_scheduler", "a scheduler tells what nodes have", no_scheduler),
    Check("silent_gpus", "no GPU that a scheduler counts is without an exporter", silent_gpus),
    Check("overcommitted", "no node's pods request more than it has", overcommitted),
)
