"""The routes of what there is: clusters, node pools and nodes."""

from typing import Any

from metrics_api.deprecations import OLD_NODES
from metrics_api.endpoint import Endpoint, delete, get, post, put
from metrics_api.fleet import clusters, nodes

CLUSTERS = "/api/v1/clusters"
CLUSTER = CLUSTERS + "/{cluster_uuid}"

CHANGE: dict[str, Any] = {"resource": clusters.RESOURCE}

FLEET: tuple[Endpoint, ...] = (
    get(CLUSTERS, clusters.list_all, "List clusters", "Clusters"),
    post(CLUSTERS, clusters.create, "Register a cluster", "Clusters", status=201, **CHANGE),
    get(CLUSTER, clusters.read, "Read a cluster", "Clusters"),
    put(CLUSTER, clusters.update, "Change a cluster", "Clusters", status=204, **CHANGE),
    delete(CLUSTER, clusters.delete, "Delete a cluster", "Clusters", status=202, **CHANGE),
    get("/api/v1/nodes", nodes.list_all, "List nodes", "Nodes"),
    get("/api/v1/nodes/count", nodes.count, "Count nodes", "Nodes"),
    get(CLUSTER + "/nodes", nodes.list_of_cluster, "List the nodes of a cluster", "Nodes", deprecated=OLD_NODES),
    get(CLUSTER + "/nodes/count", nodes.count_of_cluster, "Count a cluster's nodes", "Nodes", deprecated=OLD_NODES),
)
