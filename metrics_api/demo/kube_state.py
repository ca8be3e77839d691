"""kube-state-metrics and Kueue, as they speak of the simulated fleet's nodes and pods."""

import zlib
from collections import Counter
from collections.abc import Iterator

import numpy as np

from metrics_api.demo.exposition import Family, Labels, Series
from metrics_api.demo.fleet import HOUR, Cluster, Floats, Job

POD_INFO = Family("kube_pod_info", "gauge", "Information about pod.")
POD_LABELS = Family("kube_pod_labels", "gauge", "Kubernetes labels converted to Prometheus labels.")
POD_OWNER = Family("kube_pod_owner", "gauge", "Information about the Pod's owner.")
POD_PHASE = Family("kube_pod_status_phase", "gauge", "The pods current phase.")
POD_CREATED = Family("kube_pod_created", "gauge", "Unix creation timestamp")
POD_STARTED = Family("kube_pod_container_state_started", "gauge", "Start time in unix timestamp for a pod container.")
POD_COMPLETED = Family("kube_pod_completion_time", "gauge", "Completion time in unix timestamp for a pod.")
POD_TERMINATED = Family(
    "kube_pod_container_status_terminated_reason",
    "gauge",
    "Describes the reason the container is currently in terminated state.",
)
POD_IMAGE = Family("kube_pod_container_info", "gauge", "Information about a container in a pod.")
POD_REQUESTS = Family(
    "kube_pod_container_resource_requests", "gauge", "The number of requested request resource by a container."
)
NODE_INFO = Family("kube_node_info", "gauge", "Information about a cluster node.")
NODE_LABELS = Family("kube_node_labels", "gauge", "Kubernetes labels converted to Prometheus labels.")
NODE_CAPACITY = Family("kube_node_status_capacity", "gauge", "The total amount of resources available for a node.")
NODE_ALLOCATABLE = Family(
    "kube_node_status_allocatable",
    "gauge",
    "The amount of resources allocatable for pods (after reserving some for system daemons).",
)
NODE_CONDITION = Family("kube_node_status_condition", "gauge", "The condition of a cluster node.")
NODE_UNSCHEDULABLE = Family("kube_node_spec_unschedulable", "gauge", "Whether a node can schedule new pods.")
QUOTA = Family("kube_resourcequota", "gauge", "Information about resource quota.")
PENDING = Family(
    "kueue_pending_workloads", "gauge", "The number of pending workloads, per 'cluster_queue' and 'status'."
)
ADMITTED = Family(
    "kueue_admitted_active_workloads",
    "gauge",
    "The number of admitted Workloads that are active (unsuspended and not finished), per 'cluster_queue'",
)

NODE_SOFTWARE = {
    "kernel_version": "6.1.0",
    "os_image": "Ubuntu 22.04.4 LTS",
    "container_runtime_version": "containerd://1.7.18",
    "kubelet_version": "v1.30.2",
    "kubeproxy_version": "deprecated",
    "provider_id": "",
    "pod_cidr": "",
    "system_uuid": "",
}

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")

KEPT = HOUR // 2
"""For how many seconds a pod that has ended is still there, and still shows its requests."""

QUOTA_OF_PROJECT = 12


def kube_state_series(cluster: Cluster, times: Floats) -> Iterator[Series]:
    """Everything that kube-state-metrics says at some times."""
    for node in cluster.nodes:
        yield from node_series(cluster, node, times)
    for job in cluster.jobs(times[0] - KEPT, times[-1] + 1):
        yield from pod_series(job, times[(times >= job.start) & (times < job.end + KEPT)])
    for project in cluster.projects:
        labels = {
            "resourcequota": f"{project}-quota",
            "namespace": f"runai-{project}",
            "resource": "requests.nvidia.com/gpu",
        }
        used = sum(held(job, times) for job in cluster.jobs(times[0], times[-1] + 1) if job.project == project)
        yield Series(QUOTA, {**labels, "type": "hard"}, times, np.full(len(times), float(QUOTA_OF_PROJECT)))
        yield Series(QUOTA, {**labels, "type": "used"}, times, np.zeros(len(times)) + used)


def kueue_series(cluster: Cluster, times: Floats) -> Iterator[Series]:
    """What Kueue's controller says: who has been admitted, and who waits for the next hour's places."""
    for project in cluster.projects:
        jobs = [job for job in cluster.jobs(times[0], times[-1] + HOUR) if job.project == project]
        queue = {"cluster_queue": project}
        waiting = count(jobs, times, -HOUR, "start")
        yield Series(PENDING, {**queue, "status": "active"}, times, waiting)
        yield Series(PENDING, {**queue, "status": "inadmissible"}, times, np.zeros(len(times)))
        yield Series(ADMITTED, queue, times, count(jobs, times, 0, "end"))


def count(jobs: list[Job], times: Floats, early: int, until: str) -> Floats:
    """How many jobs there are from some seconds before their start until an event."""
    found = np.zeros(len(times))
    for job in jobs:
        found += (times >= job.start + early) & (times < getattr(job, until))
    return found


def held(job: Job, times: Floats) -> Floats:
    whole = sum(1 for device in job.devices if not device.profile)
    return whole * ((times >= job.start) & (times < job.end)).astype(float)


def node_series(cluster: Cluster, node: str, times: Floats) -> Iterator[Series]:
    def always(family: Family, value: float, labels: Labels) -> Series:
        return Series(family, {"node": node, **labels}, times, np.full(len(times), float(value)))

    devices = cluster.devices(node)
    resources = Counter(device.resource for device in devices)
    model = devices[0].model.replace(" ", "-")
    yield always(NODE_INFO, 1, NODE_SOFTWARE | {"internal_ip": address("10.0", node)})
    yield always(
        NODE_LABELS, 1, {"label_nvidia_com_gpu_product": model, "label_node_pool": model.split("-")[1].lower()}
    )
    for family in (NODE_CAPACITY, NODE_ALLOCATABLE):
        for resource, amount in sorted(resources.items()):
            yield always(family, amount, {"resource": resource, "unit": "integer"})
        yield always(family, 128, {"resource": "cpu", "unit": "core"})
        yield always(family, 2 * 1024**4, {"resource": "memory", "unit": "byte"})
    for status, value in (("true", 1), ("false", 0), ("unknown", 0)):
        yield always(NODE_CONDITION, value, {"condition": "Ready", "status": status})
    drained = np.array([cluster.is_drained(node, time) for time in times], float)
    yield Series(NODE_UNSCHEDULABLE, {"node": node}, times, drained)


def pod_series(job: Job, times: Floats) -> Iterator[Series]:
    if not len(times):
        return
    pod = {"namespace": job.namespace, "pod": job.pod, "uid": job.uid}

    def always(family: Family, value: float, labels: Labels) -> Series:
        return Series(family, {**pod, **labels}, times, np.full(len(times), float(value)))

    resource, amount = job.devices[0].resource, len(job.devices)
    addresses = {"host_ip": address("10.0", job.node), "pod_ip": address("10.244", job.uid)}
    created = {"created_by_kind": "Job", "created_by_name": job.name}
    yield always(POD_INFO, 1, {**addresses, "node": job.node, **created, "priority_class": "", "host_network": "false"})
    yield always(POD_OWNER, 1, {"owner_kind": "Job", "owner_name": job.name, "owner_is_controller": "true"})
    yield always(POD_LABELS, 1, {"label_project": job.project, "label_user": job.user, "label_work": job.work})
    for asked, unit, value in (
        (resource, "integer", amount),
        ("cpu", "core", 8 * amount),
        ("memory", "byte", amount * 2**36),
    ):
        yield always(POD_REQUESTS, value, {"container": "main", "node": job.node, "resource": asked, "unit": unit})
    container, image = {"container": "main"}, f"registry.example/{job.project}/{job.work}:1"
    run = {"image_id": f"{image}@sha256:{job.uid}", "container_id": f"containerd://{job.uid}"}
    yield always(POD_IMAGE, 1, {**container, "image_spec": image, "image": image, **run})
    yield always(POD_CREATED, job.created, {})
    yield always(POD_STARTED, job.start, container)
    is_running = times < job.end
    if not is_running.all():
        after = times[~is_running]
        yield Series(POD_COMPLETED, pod, after, np.full(len(after), float(job.end)))
        yield Series(POD_TERMINATED, {**pod, **container, "reason": job.ending}, after, np.ones(len(after)))
    last = "Succeeded" if job.ending == "Completed" else "Failed"
    for phase in PHASES:
        holds = {"Running": is_running, last: ~is_running}.get(phase, np.zeros(len(times), bool))
        yield Series(POD_PHASE, {**pod, "phase": phase}, times, holds.astype(float))


def address(network: str, name: str) -> str:
    """An IP address in a /16 network that follows from a name."""
    high, low = divmod(zlib.crc32(name.encode()) % 2**16, 2**8)
    return f"{network}.{high}.{low}"
