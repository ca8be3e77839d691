"""Run:ai's own client, unmodified, asks for metrics and telemetry of every scope."""

import warnings
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
import requests

from metrics_api.app import create_app
from queries.control.applications import create_application
from queries.ids import department_id, project_id
from queries.metric_types import TYPES
from queries.window import HOUR
from tests.live import NOW, START, fill, settings_for
from tests.metrics_api.live import ALPHA, BETA, NODE, TRAIN, TRAIN_POD
from tests.serving import serving

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a library that we do not maintain
    runai: Any = import_module("runai.runai_client")
    models: Any = import_module("runai.models")

errors: Any = import_module("runai.exceptions")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DURING = {"start": START, "end": START + 2 * HOUR}

ENUMS = {
    "cluster": models.MetricsType,
    "node": models.NodeMetricType,
    "project": models.OrgUnitMetricType,
    "workload": models.WorkloadMetricType,
    "pod": models.PodMetricType,
    "nodes": models.NodeTelemetryType,
    "workloads": models.WorkloadTelemetryType,
    "org_unit": models.OrgUnitTelemetryType,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("live")
    fill(folder)
    app = create_app(settings_for(folder, "required"))
    create_application(app.state.services.control, "tests", "my-app", "s3cret")
    with serving(app) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    configuration = import_module("runai.configuration").Configuration(
        client_id="my-app", client_secret="s3cret", runai_base_url=address
    )
    return runai.RunaiClient(runai.ApiClient(configuration))


def values(answer: Any) -> dict[str, list[float]]:
    told: dict[str, list[float]] = {}
    for each in answer.data["measurements"]:
        told.setdefault(each["type"], []).extend(float(value["value"]) for value in each["values"])
    return told


@pytest.mark.parametrize("scope", ENUMS)
def test_we_have_every_type_of_the_clients_enum_in_each_scope(scope: str) -> None:
    ours = {name for name, each in TYPES[scope].items() if scope in each.scopes}
    assert {str(each.value) for each in ENUMS[scope]} == ours


def test_a_cluster_and_its_node_pools(client: Any) -> None:
    kinds = [models.MetricsType.GPU_UTILIZATION, models.MetricsType.TOTAL_GPU]
    clusters = client.organizations.clusters
    answer = clusters.get_cluster_metrics(cluster_uuid=ALPHA, metric_type=kinds, number_of_samples=1, **DURING)
    assert values(answer) == {"GPU_UTILIZATION": [40], "TOTAL_GPU": [6]}
    grouped = clusters.get_cluster_metrics(
        cluster_uuid=ALPHA, metric_type=kinds[:1], group_by="Project", number_of_samples=1, **DURING
    )
    assert [each["groups"] for each in grouped.data["measurements"]] == [
        [{"key": "Project", "value": "a"}],
        [{"key": "Project", "value": "b"}],
    ]
    pools = client.organizations.node_pools.get_nodepool_metrics(
        cluster_uuid=ALPHA, nodepool_name="a100_80gb", metric_type=kinds, number_of_samples=1, **DURING
    )
    assert values(pools) == {"GPU_UTILIZATION": [37.5], "TOTAL_GPU": [4]}


def test_a_node_with_all_types_at_once(client: Any) -> None:
    answer = client.organizations.nodes.get_node_metrics(
        node_id=NODE, metric_type=list(models.NodeMetricType), number_of_samples=1, **DURING
    )
    assert values(answer)["GPU_UTILIZATION_PER_GPU"] == [50, 100, 0, 0]
    models.MetricsResponse.model_validate(answer.data)


def test_projects_and_departments(client: Any) -> None:
    kinds = [models.OrgUnitMetricType.GPU_ALLOCATION]
    project = client.organizations.projects.get_project_metrics(
        project_id=project_id("alpha", "a"), metric_type=kinds, number_of_samples=1, **DURING
    )
    assert values(project) == {"GPU_ALLOCATION": [2]}
    department = client.organizations.departments.get_department_metrics(
        department_id=department_id("alpha", "research"), metric_type=kinds, number_of_samples=1, **DURING
    )
    assert values(department) == {"GPU_ALLOCATION": [3.5]}


def test_workloads_and_pods(client: Any) -> None:
    workloads = client.workloads.workloads
    kinds = [models.WorkloadMetricType.GPU_UTILIZATION, models.WorkloadMetricType.CPU_USAGE_CORES]
    answer = workloads.get_workload_metrics(workload_id=TRAIN, metric_type=kinds, number_of_samples=5, **DURING)
    assert values(answer) == {"GPU_UTILIZATION": [75] * 5, "CPU_USAGE_CORES": [3.5] * 5}
    models.MetricsCompositeResponse.model_validate(answer.data)
    pod = client.workloads.pods.get_workload_pod_metrics(
        workload_id=TRAIN, pod_id=TRAIN_POD, metric_type=[models.PodMetricType.GPU_UTILIZATION_PER_GPU],
        number_of_samples=1, **DURING,
    )  # fmt: skip
    assert values(pod) == {"GPU_UTILIZATION_PER_GPU": [50, 100]}


def test_telemetry_of_nodes_workloads_and_org_units(client: Any) -> None:
    nodes = client.organizations.nodes.get_node_telemetry(
        telemetry_type=models.NodeTelemetryType.TOTAL_GPUS, group_by=["Nodepool", "Node"], cluster_id=BETA
    )
    (value,) = nodes.data["values"]
    assert value["value"] == "2"
    assert [group["name"] for group in value["groups"]] == ["default", "beta-1"]
    workloads = client.workloads.workloads.get_workloads_telemetry(
        telemetry_type=models.WorkloadTelemetryType.WORKLOADS_COUNT, filter_by_phases=["Running"]
    )
    assert workloads.data["values"] == [{"value": "4"}]
    projects = client.organizations.projects.get_projects_telemetry(
        telemetry_type=models.OrgUnitTelemetryType.GPU_QUOTA
    )
    assert projects.data["values"] == [{"value": "4"}]
    departments = client.organizations.departments.get_departments_telemetry(
        telemetry_type=models.OrgUnitTelemetryType.GPU_ALLOCATION, group_by=["CLUSTER_ID"]
    )
    assert [each["value"] for each in departments.data["values"]] == ["3.5", "1"]


def test_partial_answers_are_told_as_such(client: Any) -> None:
    answer = client.organizations.clusters.get_cluster_metrics(
        cluster_uuid=ALPHA, metric_type=[models.MetricsType.TOTAL_GPU], start=START - HOUR, end=START + HOUR
    )
    assert answer.status_code == 207


def test_errors_are_the_clients_exceptions_with_our_words(client: Any) -> None:
    clusters = client.organizations.clusters
    with pytest.raises(errors.NotFoundException, match="there is no cluster"):
        clusters.get_cluster_metrics(cluster_uuid=TRAIN, metric_type=[models.MetricsType.TOTAL_GPU], **DURING)
    with pytest.raises(errors.BadRequestException, match="is not after start"):
        clusters.get_cluster_metrics(
            cluster_uuid=ALPHA, metric_type=[models.MetricsType.TOTAL_GPU], start=NOW, end=NOW - HOUR
        )


def test_the_deprecated_methods_are_answered(client: Any) -> None:
    answer = client.organizations.clusters.get_cluster_metrics_0(cluster_uuid=ALPHA)
    assert answer.data["metadata"] == {"clusterId": ALPHA, "clusterName": "alpha"}
    assert {name.lower() for name in answer.headers} >= {"deprecation", "sunset", "link"}


OPENMETER = (
    "CPU_LIMIT_CORES,CPU_MEMORY_LIMIT_BYTES,CPU_MEMORY_REQUEST_BYTES,CPU_MEMORY_USAGE_BYTES,CPU_REQUEST_CORES",
    "CPU_USAGE_CORES,GPU_ALLOCATION,GPU_MEMORY_REQUEST_BYTES,GPU_MEMORY_USAGE_BYTES,GPU_UTILIZATION,POD_COUNT",
)
"""What its collector asks of workloads, in chunks of at most nine."""


def test_openmeters_collector_reads_each_workload_every_thirty_seconds(address: str) -> None:
    """A window of 30 seconds, one sample; the last value counts, parsed as a number, and an empty list is zero."""
    token = requests.post(
        f"{address}/api/v1/token", json={"grantType": "app_token", "AppId": "my-app", "AppSecret": "s3cret"}, timeout=5
    ).json()["accessToken"]
    told: dict[str, float] = {}
    since = START + HOUR + timedelta(seconds=30)
    for kinds in OPENMETER:
        answer = requests.get(
            f"{address}/api/v1/workloads/{TRAIN}/metrics",
            params={
                "metricType": kinds,
                "start": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "end": (since + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "numberOfSamples": "1",
            },
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=5,
        )
        assert answer.status_code == 200
        for each in answer.json()["measurements"]:
            told[each["type"]] = float(each["values"][-1]["value"]) if each["values"] else 0
    assert told["GPU_ALLOCATION"] == 2
    assert told["GPU_UTILIZATION"] == 75
    assert told["CPU_LIMIT_CORES"] == 0
    assert len(told) == 11
