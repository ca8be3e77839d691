"""Workloads, their pods and events: read alone."""

from metrics_api.endpoint import Endpoint, get
from metrics_api.workloads import events, pods, workloads

TAG = "Workloads"

ONE = "/api/v1/workloads/{workload_id}"

WORKLOADS: tuple[Endpoint, ...] = (
    get("/api/v1/workloads", workloads.list_workloads, "List workloads", TAG),
    get("/api/v1/workloads/count", workloads.count_workloads, "Count workloads", TAG),
    get("/api/v1/workloads/pods", pods.list_pods, "List pods", TAG),
    get("/api/v1/workloads/pods/count", pods.count_pods, "Count pods", TAG),
    get(ONE, workloads.read_workload, "Read a workload", TAG),
    get(f"{ONE}/pods", pods.list_of_workload, "List the pods of a workload", TAG),
    get(f"{ONE}/events", events.list_events, "List the events of a workload", TAG),
    get(f"{ONE}/history", events.list_history, "List the phases of a workload", TAG),
)
