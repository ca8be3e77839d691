"""kube-state-metrics: what Kubernetes' scheduler knows of nodes, pods and quotas."""

import re
from collections.abc import Callable
from functools import partial

from collectors.prometheus import Selector, one_of
from collectors.vocabulary import Fact, Labels, Memory, Of, Read, Row, Vocabulary, as_resource, source_of, told
from queries.catalogue import Source

GPU_RESOURCES = "|".join(
    (
        r"nvidia_com_gpu(_shared)?",
        r"nvidia_com_mig_([0-9]+c_)?[0-9]+g_[0-9]+gb[a-z0-9_]*",
        r"amd_com_gpu",
        r"amd_com_[cdqst]px(_nps[0-9])?",
        r"habana_ai_gaudi",
    )
)
"""The extended resources that hand out GPUs, as kube-state-metrics spells them."""

GPU_QUOTAS = r"requests\\.(nvidia\\.com|amd\\.com|habana\\.ai)/.+"

WHOLE_OR_CUT = GPU_RESOURCES.replace("(_shared)?", "")
"""Without replicas of shared GPUs: how many of them are a GPU differs from node to node."""

OF_GPUS = f'resource=~"{GPU_RESOURCES}"'


def source(series: str) -> Source:
    return Source(exporter="kube_state", series=series, range=(0, 1e6))


def node(fact: str, labels: Labels) -> Row | None:
    name = told(labels, "node")
    if not name:
        return None
    return {"node": name, "fact": fact, "resource": labels.get("resource", ""), "knows_holders": True}


def running(labels: Labels) -> Row:
    return pod(labels)


def quota(labels: Labels) -> Row | None:
    resource, namespace = as_resource(labels.get("resource", "")), told(labels, "namespace")
    row: Row = {"metric": "gpus_quota", "kind": "project", "namespace": namespace, "resource": resource}
    return row | {"part": f"{namespace}/{resource}"} if re.fullmatch(WHOLE_OR_CUT, resource) else None


def pod(labels: Labels) -> Row:
    return {name: told(labels, name) for name in ("namespace", "pod", "uid")}


def request(labels: Labels, amount: float, is_init: bool = False) -> Row:
    return pod(labels) | {
        "container": told(labels, "container"),
        "resource": labels.get("resource", ""),
        "amount": amount,
        "is_init": is_init,
    }


def fraction(labels: Labels, _: float) -> Row | None:
    """A pod that requests a part of a GPU says so in an annotation, and requests no GPU otherwise."""
    try:
        amount = float(labels.get("annotation_gpu_fraction", ""))
    except ValueError:
        return None
    # as what an init container requests: it counts alone, where the containers request less
    row = pod(labels) | {"container": "", "resource": "nvidia_com_gpu", "amount": amount, "is_init": True}
    return row if 0 < amount <= 1 else None


def pod_info(labels: Labels, _: float) -> Row:
    addresses = [address for address in (labels.get("host_ip"), labels.get("pod_ip")) if address]
    return pod(labels) | {"node": told(labels, "node"), "addresses": [*addresses, told(labels, "pod")]}


def node_info(labels: Labels, _: float) -> Row:
    return {"node": told(labels, "node"), "addresses": [address for address in (labels.get("internal_ip"),) if address]}


def pod_owner(labels: Labels, _: float) -> Row | None:
    return pod(labels) | owner(labels) if is_owned(labels) else None


def owner_of(kind: str, label: str, labels: Labels, _: float) -> Row | None:
    """Who owns a ReplicaSet or a Job in turn."""
    name = {"namespace": told(labels, "namespace"), "kind": kind, "name": told(labels, label)}
    return name | owner(labels) if is_owned(labels) else None


def owner(labels: Labels) -> Row:
    return {name: labels.get(name, "") for name in ("owner_kind", "owner_name")}


def is_owned(labels: Labels) -> bool:
    return labels.get("owner_name", "") not in ("", "<none>")


def pod_labels(labels: Labels, _: float) -> Row:
    return pod(labels) | {"labels": own_labels(labels)}


def namespace_labels(labels: Labels, _: float) -> Row:
    return {"namespace": told(labels, "namespace"), "labels": own_labels(labels)}


def node_labels(labels: Labels, _: float) -> Row:
    return {"node": told(labels, "node"), "labels": own_labels(labels)}


def own_labels(labels: Labels) -> list[tuple[str, str]]:
    return [(name, value) for name, value in labels.items() if name.startswith("label_")]


def pod_time(what: str, labels: Labels, time: float) -> Row:
    return pod(labels) | {"what": what, "time": time}


def pod_request(labels: Labels, amount: float) -> Row:
    return pod(labels) | {
        "container": told(labels, "container"),
        "resource": labels.get("resource", ""),
        "amount": amount,
    }


def pod_image(labels: Labels, _: float) -> Row:
    return pod(labels) | {"image": labels.get("image_spec") or labels.get("image", "")}


def pod_reason(label: str, rank: int, labels: Labels, value: float) -> Row | None:
    """Why a pod ended. The pod's own reason (as that it was evicted) says more than a container's, that more than the
    phase."""
    reason = labels.get(label, "")
    return pod(labels) | {"reason": ENDS.get(reason, reason), "rank": rank} if value > 0 else None


ENDS = {"Succeeded": "Completed"}

NARROWED: dict[str, Of] = {
    "node_facts": "nodes",
    "pod_facts": "pods",
    "pod_times": "pods",
    "pod_reasons": "pods",
    "pod_requests": "pods",
    "pod_images": "pods",
    "owners": "namespaces",
    "namespace_facts": "namespaces",
    "node_addresses": "cluster",
}


def fact_of(series: str, table: str, row: Callable[[Labels, float], Row | None], *matchers: str) -> Fact:
    return Fact(Selector(series, matchers), table, row, NARROWED[table], "kube_state")


CAPACITY = tuple(
    Read(Selector(series, (OF_GPUS,)), "node_series", partial(node, "gpus"), source(series))
    for series in ("kube_node_status_capacity", "kube_node_status_allocatable")
)

VOCABULARY = Vocabulary(
    "kube_state",
    "kube-state-metrics",
    reads=(
        *CAPACITY,
        Read(
            Selector("kube_node_status_condition", ('condition="Ready"', 'status="true"')),
            "node_series",
            partial(node, "ready"),
            source("kube_node_status_condition"),
            of="nodes",
        ),
        Read(
            Selector("kube_node_spec_unschedulable"),
            "node_series",
            partial(node, "cordoned"),
            source("kube_node_spec_unschedulable"),
            of="nodes",
        ),
        Read(
            Selector("kube_pod_status_phase", ('phase="Running"',)),
            "pod_series",
            running,
            source("kube_pod_status_phase"),
            of="pods",
        ),
        Read(
            Selector("kube_resourcequota", ('type="hard"', f'resource=~"{GPU_QUOTAS}"')),
            "entity_series",
            quota,
            source_of("gpus_quota", "kube_state"),
        ),
    ),
    facts=(
        Fact(Selector("kube_pod_container_resource_requests", (OF_GPUS,)), "requests", request, exporter="kube_state"),
        Fact(
            Selector("kube_pod_init_container_resource_requests", (OF_GPUS,)),
            "requests",
            partial(request, is_init=True),
        ),
        Fact(Selector("kube_pod_annotations", ('annotation_gpu_fraction!=""',)), "requests", fraction),
        fact_of("kube_pod_info", "pod_facts", pod_info),
        fact_of("kube_pod_owner", "pod_facts", pod_owner),
        fact_of("kube_pod_labels", "pod_facts", pod_labels),
        fact_of("kube_pod_created", "pod_times", partial(pod_time, "created")),
        fact_of("kube_pod_status_scheduled_time", "pod_times", partial(pod_time, "scheduled")),
        fact_of("kube_pod_container_state_started", "pod_times", partial(pod_time, "started")),
        fact_of("kube_pod_completion_time", "pod_times", partial(pod_time, "completed")),
        fact_of("kube_pod_container_info", "pod_images", pod_image),
        fact_of("kube_pod_container_status_terminated_reason", "pod_reasons", partial(pod_reason, "reason", 2)),
        fact_of("kube_pod_status_reason", "pod_reasons", partial(pod_reason, "reason", 3)),
        fact_of("kube_pod_status_phase", "pod_reasons", partial(pod_reason, "phase", 1), 'phase=~"Succeeded|Failed"'),
        fact_of("kube_pod_container_resource_requests", "pod_requests", pod_request, 'resource=~"cpu|memory"'),
        fact_of("kube_replicaset_owner", "owners", partial(owner_of, "ReplicaSet", "replicaset")),
        fact_of("kube_job_owner", "owners", partial(owner_of, "Job", "job_name")),
        fact_of("kube_node_info", "node_addresses", node_info),
        fact_of("kube_node_labels", "node_facts", node_labels),
        fact_of("kube_namespace_labels", "namespace_facts", namespace_labels),
    ),
    memory=Memory(
        Selector("", (one_of("__name__", [read.selector.metric for read in CAPACITY]), OF_GPUS)),
        ("node", "exported_node"),
        CAPACITY,
        is_any_enough=False,
    ),
)
