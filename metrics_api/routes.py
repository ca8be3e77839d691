"""The table of contents: every endpoint of the main API, one line each."""

from metrics_api import clusters, explain, exports, health, ledger, metrics, waste, workloads
from metrics_api.access_routes import ACCESS
from metrics_api.endpoint import Endpoint, get, post
from metrics_api.grafana.routes import DATASOURCE

ENDPOINTS: tuple[Endpoint, ...] = (
    *ACCESS,
    get("/api/v1/clusters", clusters.list_clusters, "List clusters", "Clusters"),
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
    get("/api/v1/workload-usage", workloads.list_usage, "List workloads with their usage", "Workloads"),
    post("/api/v1/workload-usage", workloads.read_usage_of_many, "The usage of many workloads", "Workloads"),
    get("/api/v1/workload-usage/series", workloads.read_series, "One workload over its life", "Workloads"),
    get("/healthz", health.is_alive, "Whether the process lives", "Health", is_public=True),
    get("/readyz", health.is_ready, "Whether it can answer", "Health", is_public=True),
    get("/metrics", health.read_own_metrics, "The service's own metrics", "Health", is_public=True),
    *DATASOURCE,
)
