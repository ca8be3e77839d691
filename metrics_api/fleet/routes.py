"""The routes of what there is: clusters, node pools and nodes."""

from typing import Any

from metrics_api.endpoint import Endpoint, delete, get, post, put
from metrics_api.fleet import clusters

CLUSTERS = "/api/v1/clusters"
CLUSTER = CLUSTERS + "/{cluster_uuid}"

CHANGE: dict[str, Any] = {"resource": clusters.RESOURCE}

FLEET: tuple[Endpoint, ...] = (
    get(CLUSTERS, clusters.list_all, "List clusters", "Clusters"),
    post(CLUSTERS, clusters.create, "Register a cluster", "Clusters", status=201, **CHANGE),
    get(CLUSTER, clusters.read, "Read a cluster", "Clusters"),
    put(CLUSTER, clusters.update, "Change a cluster", "Clusters", status=204, **CHANGE),
    delete(CLUSTER, clusters.delete, "Delete a cluster", "Clusters", status=202, **CHANGE),
)
