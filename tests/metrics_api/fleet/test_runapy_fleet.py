"""Run:ai's own client, as it is: clusters, node pools and nodes."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import tests.live
from metrics_api.app import create_app
from queries.control.applications import create_application
from queries.ids import cluster_id, node_id
from tests.live import settings_for
from tests.serving import serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a library that we do not maintain
    runai: Any = import_module("runai.runai_client")
    models: Any = import_module("runai.models")

ApiException = import_module("runai.exceptions").ApiException

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SECRET = "robot's secret"


@pytest.fixture(scope="module")
def organizations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("live")
    tests.live.fill(folder)
    app = create_app(settings_for(folder, "required"))
    create_application(app.state.services.control, "robot", "robot", SECRET)
    with serving(app) as address:
        configuration = import_module("runai.configuration").Configuration(
            client_id="robot", client_secret=SECRET, runai_base_url=address
        )
        yield runai.RunaiClient(runai.ApiClient(configuration)).organizations
    app.state.services.stop()


def test_clusters(organizations: Any) -> None:
    clusters = organizations.clusters
    alpha = clusters.get_clusters().data[0]
    assert (alpha["name"], alpha["uuid"]) == ("alpha", cluster_id("alpha"))
    assert models.DisplayedCluster.model_validate(alpha).status.state == "Connected"
    made = clusters.create_cluster(models.ClusterCreationRequest(name="new", version="2.20"))
    assert made.status_code == 201
    new = made.data["uuid"]
    assert clusters.get_cluster_by_uuid(new, verbosity="metadata").data["version"] == "2.20"
    assert clusters.update_cluster(new, models.ClusterUpdateRequest(name="new")).status_code == 204
    assert clusters.delete_cluster(new, force=True).status_code == 204
    told = clusters.get_clusters(verbosity="metadata", include_requested_for_delete=True).data
    assert [each["name"] for each in told] == ["alpha", "beta", "new"]
    assert [each["name"] for each in clusters.get_clusters().data] == ["alpha", "beta"]
    with pytest.raises(ApiException) as caught:
        clusters.create_cluster(models.ClusterCreationRequest(name="alpha"))
    assert caught.value.status == 409


def test_node_pools(organizations: Any) -> None:
    pools = organizations.node_pools
    found = pools.get_nodepools(
        filter_by=["name=^a100"], sort_by=models.NodepoolSortFilterFields.NAME, sort_order="asc", offset=0, limit=5
    ).data["nodepools"]
    assert [pool["name"] for pool in found] == ["a100_80gb"]
    asked = models.NodepoolCreateFields(
        name="made", label_key="pool", label_value="made", cluster_id=cluster_id("alpha"), over_provisioning_ratio=2
    )
    made = pools.create_nodepool(asked)
    assert made.status_code == 201
    assert models.Nodepool.model_validate(made.data).phase == "Empty"
    identifier = made.data["id"]
    assert pools.patch_nodepool(identifier, models.NodepoolUpdateFields(label_value="x")).data["labelValue"] == "x"
    assert pools.update_nodepool(identifier, models.NodepoolUpdateFields(label_value="y")).data["labelValue"] == "y"
    assert pools.get_nodepool(identifier).data["overProvisioningRatio"] == 1
    assert pools.count_nodepools(filter_by=["name==made"]).data == {"count": 1}
    assert pools.delete_nodepool(identifier).status_code == 204


def test_nodes(organizations: Any) -> None:
    nodes = organizations.nodes
    told = nodes.get_tenant_nodes(
        filter_by=["nodePool==a100_80gb"], sort_by=models.NodeFilterSortFields.GPUTYPE, limit=10, search="alpha"
    ).data
    (node,) = models.Nodes.model_validate(told).nodes
    assert (node.id, node.status, node.gpu_info.gpu_count) == (node_id("alpha", "alpha-1"), "Ready", 4)
    assert nodes.count_tenant_nodes().data == {"count": 3}
    of_beta = nodes.get_nodes(cluster_uuid=cluster_id("beta"))
    assert [each["name"] for each in of_beta.data["nodes"]] == ["beta-1"]
    assert "deprecation" in of_beta.headers
    assert nodes.count_nodes(cluster_uuid=cluster_id("beta")).data == {"count": 1}


def test_the_deprecated_lists(organizations: Any) -> None:
    alpha = cluster_id("alpha")
    pools = organizations.node_pools.get_node_pools(cluster_id=alpha).data
    assert {pool["name"] for pool in pools} == {"a100_80gb", "default"}
    assert all(isinstance(pool["id"], int) for pool in pools)
