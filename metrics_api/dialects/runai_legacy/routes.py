"""The routes of Run:ai's earlier APIs; all are deprecated."""

from collections.abc import Callable
from functools import partial

from metrics_api.deprecations import OLD_CLUSTERS, OLD_METRICS, OLD_PROMQL
from metrics_api.dialects.runai_legacy import lists, metrics, prometheus
from metrics_api.dialects.runai_legacy.endpoint import PrometheusEndpoint
from metrics_api.endpoint import Endpoint, get

TAG = "Deprecated"

CLUSTER = "/v1/k8s/clusters/{cluster_uuid}"

PROXIES = ("/api/datasources/proxy/{datasource}", "/grafana/api/datasources/proxy/{datasource}")

listed: Callable[..., Endpoint] = partial(get, tag=TAG, deprecated=OLD_CLUSTERS)

old: Callable[..., Endpoint] = partial(get, tag=TAG, deprecated=OLD_METRICS)

RUNAI_LEGACY: tuple[Endpoint, ...] = (
    listed("/v1/k8s/clusters", lists.list_clusters, "List clusters"),
    listed(f"{CLUSTER}/projects", lists.list_projects, "List the projects of a cluster"),
    listed(f"{CLUSTER}/departments", lists.list_departments, "List the departments of a cluster"),
    listed(f"{CLUSTER}/node-pools", lists.list_node_pools, "List the node pools of a cluster"),
    old(f"{CLUSTER}/metrics", metrics.read_cluster, "Metrics of a cluster"),
    old(f"{CLUSTER}/projects/metrics", metrics.read_projects, "Metrics of the projects of a cluster"),
    listed(f"{CLUSTER}/projects/{{project_id}}", lists.read_project, "Read a project"),
    old(f"{CLUSTER}/projects/{{project_id}}/metrics", metrics.read_project, "Metrics of a project"),
    old(f"{CLUSTER}/departments/metrics", metrics.read_departments, "Metrics of the departments of a cluster"),
    old(f"{CLUSTER}/departments/{{department_id}}/metrics", metrics.read_department, "Metrics of a department"),
    *[
        PrometheusEndpoint(method, f"{proxy}/api/v1/{name}", handler, f"PromQL {when}", TAG, deprecated=OLD_PROMQL)
        for proxy in PROXIES
        for name, handler, when in (
            ("query", prometheus.read_instant, "at a moment"),
            ("query_range", prometheus.read_range, "over a time"),
        )
        for method in ("GET", "POST")
    ],
)
