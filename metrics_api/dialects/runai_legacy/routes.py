"""The routes of Run:ai's earlier APIs; all are deprecated, as deprecations.py says."""

from metrics_api.dialects.runai_legacy import metrics, prometheus
from metrics_api.dialects.runai_legacy.prometheus import PrometheusEndpoint
from metrics_api.endpoint import Endpoint, get

TAG = "Deprecated"

CLUSTER = "/v1/k8s/clusters/{cluster_uuid}"

PROXIES = ("/api/datasources/proxy/{datasource}", "/grafana/api/datasources/proxy/{datasource}")

METHODS = ("GET", "POST")

RUNAI_LEGACY: tuple[Endpoint, ...] = (
    get(f"{CLUSTER}/metrics", metrics.read_cluster, "Metrics of a cluster", TAG),
    get(f"{CLUSTER}/projects/metrics", metrics.read_projects, "Metrics of the projects of a cluster", TAG),
    get(f"{CLUSTER}/projects/{{project_id}}/metrics", metrics.read_project, "Metrics of a project", TAG),
    get(f"{CLUSTER}/departments/metrics", metrics.read_departments, "Metrics of the departments of a cluster", TAG),
    get(f"{CLUSTER}/departments/{{department_id}}/metrics", metrics.read_department, "Metrics of a department", TAG),
    *[
        PrometheusEndpoint(method, f"{proxy}/api/v1/{name}", handler, f"PromQL {when}", TAG)
        for proxy in PROXIES
        for name, handler, when in (
            ("query", prometheus.read_instant, "at a moment"),
            ("query_range", prometheus.read_range, "over a time"),
        )
        for method in METHODS
    ],
)
