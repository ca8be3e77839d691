"""The table of contents: every endpoint of the main API, one line each. They are tried in this order: what dashboards
ask over and over comes first."""

from metrics_api import (
    explain,
    exports,
    health,
    ledger,
    metrics,
    reports,
    scoped_metrics,
    telemetry,
    waste,
)
from metrics_api.access.routes import ACCESS
from metrics_api.dialects.runai_legacy.routes import RUNAI_LEGACY
from metrics_api.endpoint import Endpoint, get, post
from metrics_api.fleet.routes import FLEET
from metrics_api.grafana.routes import DATASOURCE
from metrics_api.org_units.routes import ORG_UNITS
from metrics_api.workloads import usage
from metrics_api.workloads.routes import WORKLOADS

ENDPOINTS: tuple[Endpoint, ...] = (
    get("/api/v1/metrics", metrics.read_catalogue, "The catalogue of metrics", "Metrics"),
    get("/api/v1/metrics/range", metrics.read_range, "Metrics over time", "Metrics"),
    get("/api/v1/metrics/latest", metrics.read_latest, "Metrics now", "Metrics"),
    get("/api/v1/ledger", ledger.read_ledger, "Where every GPU-second went", "Ledger"),
    get("/api/v1/exports", exports.list_datasets, "What can be exported", "Exports"),
    get("/api/v1/exports/{dataset}", exports.export_dataset, "A whole dataset, streamed", "Exports"),
    get("/api/v1/exports/{dataset}/days", exports.list_days, "The days of a dataset", "Exports"),
    get("/api/v1/waste", waste.read_waste, "Who held GPUs in vain", "Waste"),
    get("/api/v1/queue-waits", waste.read_queue_waits, "How long workloads waited", "Waste"),
    get("/api/v1/explain", explain.read_explanation, "Why a GPU-second stands in its column", "Ledger"),
    get("/api/v1/workload-usage", usage.list_usage, "List workloads with their usage", "Workloads"),
    post("/api/v1/workload-usage", usage.read_usage_of_many, "The usage of many workloads", "Workloads"),
    get("/api/v1/workload-usage/series", usage.read_series, "One workload over its life", "Workloads"),
    get("/healthz", health.is_alive, "Whether the process lives", "Health", is_public=True),
    get("/readyz", health.is_ready, "Whether it can answer", "Health", is_public=True),
    get("/metrics", health.read_own_metrics, "The service's own metrics", "Health", is_public=True, refuses=(401, 403)),
    *ACCESS,
    *FLEET,
    get("/api/v1/clusters/{cluster_uuid}/metrics", scoped_metrics.read_cluster, "Metrics of a cluster", "Metrics"),
    get(
        "/api/v1/clusters/{cluster_uuid}/nodepools/{nodepool_name}/metrics",
        scoped_metrics.read_node_pool,
        "Metrics of a node pool",
        "Metrics",
    ),
    get("/api/v1/nodes/telemetry", telemetry.read_nodes, "Nodes now", "Telemetry"),
    get("/api/v1/workloads/telemetry", telemetry.read_workloads, "Workloads now", "Telemetry"),
    get("/api/v1/org-unit/projects/telemetry", telemetry.read_projects, "Projects now", "Telemetry"),
    get("/api/v1/org-unit/departments/telemetry", telemetry.read_departments, "Departments now", "Telemetry"),
    *ORG_UNITS,
    get("/api/v1/nodes/{node_id}/metrics", scoped_metrics.read_node, "Metrics of a node", "Metrics"),
    get(
        "/api/v1/org-unit/projects/{project_id}/metrics",
        scoped_metrics.read_project,
        "Metrics of a project",
        "Metrics",
    ),
    get(
        "/api/v1/org-unit/departments/{department_id}/metrics",
        scoped_metrics.read_department,
        "Metrics of a department",
        "Metrics",
    ),
    *WORKLOADS,
    get("/api/v1/workloads/{workload_id}/metrics", scoped_metrics.read_workload, "Metrics of a workload", "Metrics"),
    get(
        "/api/v1/workloads/{workload_id}/pods/{pod_id}/metrics",
        scoped_metrics.read_pod,
        "Metrics of a pod",
        "Metrics",
    ),
    get(
        "/api/v1/workloads/inferences/{workload_id}/metrics",
        scoped_metrics.read_inference,
        "Metrics of a server",
        "Metrics",
    ),
    get(
        "/api/v1/workloads/inferences/{workload_id}/pods/{pod_id}/metrics",
        scoped_metrics.read_inference_pod,
        "Metrics of a server's pod",
        "Metrics",
    ),
    get("/api/v1/org-unit/reports/availability", reports.read_availability, "Whether there are reports", "Reports"),
    post("/api/v1/org-unit/reports", reports.create_report, "Ask for a report", "Reports", status=202),
    get("/api/v1/org-unit/reports/{report_id}", reports.read_report, "A report", "Reports"),
    get("/api/v1/org-unit/reports/{report_id}/file", reports.read_file, "A report as CSV", "Reports"),
    *RUNAI_LEGACY,
    *DATASOURCE,
)
