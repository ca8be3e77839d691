"""The routes of what there is: clusters, node pools and nodes."""

from typing import Any

from metrics_api.deprecations import OLD_NODES
from metrics_api.endpoint import Endpoint, delete, get, patch, post, put
from metrics_api.fleet import clusters, node_pools, nodes

CLUSTERS = "/api/v1/clusters"
CLUSTER = CLUSTERS + "/{cluster_uuid}"

POOLS = "/api/v1/node-pools"
POOL = POOLS + "/{nodepool_id}"

CHANGE_POOL: dict[str, Any] = {"resource": node_pools.RESOURCE}

CHANGE: dict[str, Any] = {"resource": clusters.RESOURCE}

FLEET: tuple[Endpoint, ...] = (
    get(CLUSTERS, clusters.list_all, "List clusters", "Clusters"),
    post(CLUSTERS, clusters.create, "Register a cluster", "Clusters", status=201, **CHANGE),
    get(CLUSTER, clusters.read, "Read a cluster", "Clusters"),
    put(CLUSTER, clusters.update, "Change a cluster", "Clusters", status=204, **CHANGE),
    delete(CLUSTER, clusters.delete, "Delete a cluster", "Clusters", status=202, **CHANGE),
    get(POOLS, node_pools.list_all, "List node pools", "Node pools"),
    post(POOLS, node_pools.create, "Make a node pool", "Node pools", status=201, **CHANGE_POOL),
    get(POOLS + "/count", node_pools.count, "Count node pools", "Node pools"),
    get(POOL, node_pools.read, "Read a node pool", "Node pools"),
    put(POOL, node_pools.replace, "Replace a node pool's settings", "Node pools", **CHANGE_POOL),
    patch(POOL, node_pools.update, "Change a node pool", "Node pools", **CHANGE_POOL),
    delete(POOL, node_pools.delete, "Delete a node pool", "Node pools", status=204, **CHANGE_POOL),
    get("/api/v1/nodes", nodes.list_all, "List nodes", "Nodes"),
    get("/api/v1/nodes/count", nodes.count, "Count nodes", "Nodes"),
    get(CLUSTER + "/nodes", nodes.list_of_cluster, "List the nodes of a cluster", "Nodes", deprecated=OLD_NODES),
    get(CLUSTER + "/nodes/count", nodes.count_of_cluster, "Count a cluster's nodes", "Nodes", deprecated=OLD_NODES),
)
