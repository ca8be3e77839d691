"""The table of contents: every endpoint of the main API, one line each."""

from metrics_api import clusters, health, ledger, metrics, tokens
from metrics_api.endpoint import Endpoint, get, post
from metrics_api.grafana.routes import DATASOURCE

ENDPOINTS: tuple[Endpoint, ...] = (
    post("/api/v1/token", tokens.create_token, "Get a bearer token", "Access", is_public=True),
    get("/api/v1/clusters", clusters.list_clusters, "List clusters", "Clusters"),
    get("/api/v1/metrics", metrics.read_catalogue, "The catalogue of metrics", "Metrics"),
    get("/api/v1/metrics/range", metrics.read_range, "Metrics over time", "Metrics"),
    get("/api/v1/metrics/latest", metrics.read_latest, "Metrics now", "Metrics"),
    get("/api/v1/ledger", ledger.read_ledger, "Where every GPU-second went", "Ledger"),
    get("/healthz", health.is_alive, "Whether the process lives", "Health", is_public=True),
    get("/readyz", health.is_ready, "Whether it can answer", "Health", is_public=True),
    get("/metrics", health.read_own_metrics, "The service's own metrics", "Health", is_public=True),
    *DATASOURCE,
)
