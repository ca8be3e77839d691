"""kube-state-metrics: what Kubernetes' scheduler knows of nodes, pods and quotas."""

from collections.abc import Callable
from functools import partial

from collectors.prometheus import Selector, one_of
from collectors.vocabulary import Fact, Labels, Memory, Read, Row, Vocabulary, told
from queries.catalogue import METRICS, Source

GPU_RESOURCES = r"nvidia_com_gpu(_shared)?|nvidia_com_mig_([0-9]+c_)?[0-9]+g_[0-9]+gb[a-z0-9_]*"
"""The extended resources that hand out GPUs, as kube-state-metrics spells them."""

GPU_QUOTAS = r"requests\\.nvidia\\.com/gpu"

OF_GPUS = f'resource=~"{GPU_RESOURCES}"'


def source(series: str) -> Source:
    return Source(exporter="kube_state", series=series, range=(0, 1e6))


def node(fact: str, labels: Labels) -> Row | None:
    name = told(labels, "node")
    return {"node": name, "fact": fact, "resource": labels.get("resource", "")} if name else None


def running(labels: Labels) -> Row:
    return pod(labels)


def quota(labels: Labels) -> Row:
    return {"metric": "gpus_quota", "namespace": told(labels, "namespace"), "part": labels.get("resource", "")}


def pod(labels: Labels) -> Row:
    return {name: told(labels, name) for name in ("namespace", "pod", "uid")}


def request(labels: Labels, amount: float) -> Row:
    return pod(labels) | {
        "container": told(labels, "container"),
        "resource": labels.get("resource", ""),
        "amount": amount,
    }


def pod_info(labels: Labels, _: float) -> Row:
    return pod(labels) | {"node": told(labels, "node")}


def pod_owner(labels: Labels, _: float) -> Row | None:
    kind, name = labels.get("owner_kind", ""), labels.get("owner_name", "")
    return pod(labels) | {"owner_kind": kind, "owner_name": name} if name not in ("", "<none>") else None


def pod_labels(labels: Labels, _: float) -> Row:
    return pod(labels) | {"labels": own_labels(labels)}


def node_labels(labels: Labels, _: float) -> Row:
    return {"node": told(labels, "node"), "labels": own_labels(labels)}


def own_labels(labels: Labels) -> list[tuple[str, str]]:
    return [(name, value) for name, value in labels.items() if name.startswith("label_")]


def fact_of(series: str, table: str, row: Callable[[Labels, float], Row | None]) -> Fact:
    return Fact(Selector(series), table, row, of="nodes" if table == "node_facts" else "pods")


CAPACITY = tuple(
    Read(Selector(series, (OF_GPUS,)), "node_series", partial(node, "gpus"), source(series))
    for series in ("kube_node_status_capacity", "kube_node_status_allocatable")
)

VOCABULARY = Vocabulary(
    "kube_state",
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
            "project_series",
            quota,
            METRICS["gpus_quota"].entry.sources[0],
        ),
    ),
    facts=(
        Fact(Selector("kube_pod_container_resource_requests", (OF_GPUS,)), "requests", request),
        fact_of("kube_pod_info", "pod_facts", pod_info),
        fact_of("kube_pod_owner", "pod_facts", pod_owner),
        fact_of("kube_pod_labels", "pod_facts", pod_labels),
        fact_of("kube_node_labels", "node_facts", node_labels),
    ),
    memory=Memory(
        Selector("", (one_of("__name__", [read.selector.metric for read in CAPACITY]), OF_GPUS)),
        ("node", "exported_node"),
        CAPACITY,
        is_any_enough=False,
    ),
)
