"""Run:ai's own client, unmodified, on the demo's data: what it is told is what the ledger says."""

import csv
import io
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any

import pytest
import requests

from metrics_api.demo.fleet import CLUSTERS
from metrics_api.demo.servers import free_port
from queries.control.roles import RESEARCHER
from queries.window import HOUR, Window, format_time, parse_time
from tests.metrics_api.demo.started import LAST_LINE, PATIENCE, Demo

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a library that we do not maintain
    runai: Any = import_module("runai.runai_client")
    models: Any = import_module("runai.models")
    errors: Any = import_module("runai.exceptions")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

about = partial(pytest.approx, rel=1e-5, abs=1e-9)

LEDGER = ("busy_seconds", "idle_seconds", "held_seconds")
"""The columns of what somebody has."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    started = Demo.start(tmp_path_factory.mktemp("demo"), free_port(), history="3h")
    try:
        started.wait_for(LAST_LINE)
        yield started
    finally:
        started.end()


@pytest.fixture(scope="module")
def client(demo: Demo) -> Any:
    configuration = import_module("runai.configuration").Configuration(
        client_id="demo", client_secret="demo", runai_base_url=demo.address
    )
    return runai.RunaiClient(runai.ApiClient(configuration))


@pytest.fixture(scope="module")
def hour(demo: Demo) -> Window:
    """The last hour that is over and was collected of both clusters."""
    until = min(
        parse_time(cluster["collected_until"])
        for cluster in demo.ask("metrics/latest?metric=gpus_capacity")["clusters"]
    )
    return Window.hour_of(until - HOUR)


@pytest.fixture(scope="module")
def during(hour: Window) -> dict[str, datetime]:
    return {"start": hour.start, "end": hour.end}


def ledger(demo: Demo, window: Window, by: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows of the ledger by what they are of."""
    asked = f"ledger?{between(window)}&by={by}&limit=10000"
    return {tuple(row[name] for name in by.split(",")): row for row in demo.ask(asked)["data"]}


def metric(demo: Demo, window: Window | None, name: str, by: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by what they are of: the mean of the hours of a window, or now."""
    asked = f"metric={name}&by={by}&format=csv"
    path = f"metrics/range?{asked}&step=1h&{between(window)}" if window else f"metrics/latest?{asked}"
    answer = demo.session.get(f"{demo.address}/api/v1/{path}", timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    told: dict[tuple[str, ...], float] = {}
    for row in csv.DictReader(io.StringIO(answer.text)):
        key = tuple(row[each] for each in by.split(","))
        told[key] = told.get(key, 0.0) + float(row[name] or 0)
    hours = len(list(window.hours())) if window else 1
    return {key: total / hours for key, total in told.items()}


def between(window: Window) -> str:
    return f"start={format_time(window.start)}&end={format_time(window.end)}"


def allocated(row: dict[str, Any]) -> float:
    """GPUs, on average over an hour."""
    return sum(float(row[column]) for column in LEDGER) / 3600


def value(answer: Any, kind: str) -> float:
    """The one value that is told of a type."""
    (told,) = [each for each in answer.data["measurements"] if each["type"] == kind]
    (only,) = told["values"]
    return float(only["value"])


@pytest.fixture(scope="module")
def clusters(client: Any) -> dict[str, str]:
    """Their ids by their names."""
    return {each["name"]: each["uuid"] for each in client.organizations.clusters.get_clusters().data}


def test_clusters_are_those_of_the_fleet(client: Any, clusters: dict[str, str]) -> None:
    assert set(clusters) == {"alpha", "beta"}
    for each in client.organizations.clusters.get_clusters(verbosity="full").data:
        assert each["status"]["state"] == "Connected"
        assert client.organizations.clusters.get_cluster_by_uuid(each["uuid"]).data["name"] == each["name"]


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_clusters_metrics(
    demo: Demo, client: Any, clusters: dict[str, str], hour: Window, during: dict[str, datetime], name: str
) -> None:
    row = ledger(demo, hour, "cluster")[name,]
    kinds = [models.MetricsType.TOTAL_GPU, models.MetricsType.ALLOCATED_GPU, models.MetricsType.GPU_UTILIZATION]
    answer = client.organizations.clusters.get_cluster_metrics(
        clusters[name], metric_type=kinds, number_of_samples=1, **during
    )
    assert value(answer, "TOTAL_GPU") == about(row["capacity_seconds"] / 3600)
    assert value(answer, "ALLOCATED_GPU") == about(allocated(row))
    utilization = metric(demo, hour, "gpu_utilization_ratio", "cluster")[name,]
    assert value(answer, "GPU_UTILIZATION") == about(100 * utilization)


def test_node_pools_make_up_their_cluster(demo: Demo, client: Any, hour: Window, during: dict[str, datetime]) -> None:
    pools = client.organizations.node_pools.get_nodepools().data["nodepools"]
    rows = ledger(demo, hour, "cluster,node_pool")
    assert {(pool["clusterName"], pool["name"]) for pool in pools} == set(rows)
    for pool in pools:
        answer = client.organizations.node_pools.get_nodepool_metrics(
            pool["clusterId"], pool["name"], metric_type=[models.MetricsType.TOTAL_GPU], number_of_samples=1, **during
        )
        row = rows[pool["clusterName"], pool["name"]]
        assert value(answer, "TOTAL_GPU") == about(row["capacity_seconds"] / 3600)


def test_nodes_are_those_of_the_fleet(
    demo: Demo, client: Any, clusters: dict[str, str], hour: Window, during: dict[str, datetime]
) -> None:
    nodes = client.organizations.nodes.get_tenant_nodes().data["nodes"]
    names = {uuid: name for name, uuid in clusters.items()}
    assert {(names[node["clusterUuid"]], node["name"]) for node in nodes} == {
        (cluster.name, node) for cluster in CLUSTERS for node in cluster.nodes
    }
    assert client.organizations.nodes.count_tenant_nodes().data["count"] == len(nodes)
    rows = ledger(demo, hour, "cluster,node")
    for node in nodes:
        row = rows[names[node["clusterUuid"]], node["name"]]
        answer = client.organizations.nodes.get_node_metrics(
            node["id"], metric_type=["GPU_ALLOCATION"], number_of_samples=1, **during
        )
        assert value(answer, "GPU_ALLOCATION") == about(allocated(row))
        assert node["gpuInfo"]["gpuType"].startswith("NVIDIA")
        assert node["status"] in ("Ready", "NotReady")


def test_projects_and_departments_have_what_the_ledger_gives_them(
    demo: Demo, client: Any, clusters: dict[str, str], hour: Window, during: dict[str, datetime]
) -> None:
    names = {uuid: name for name, uuid in clusters.items()}
    projects = client.organizations.projects.get_projects(limit=500).data["projects"]
    rows = ledger(demo, hour, "cluster,project")
    sums: dict[str, float] = {}
    for project in projects:
        answer = client.organizations.projects.get_project_metrics(
            project["id"], metric_type=[models.OrgUnitMetricType.GPU_ALLOCATION], number_of_samples=1, **during
        )
        row = rows.get((names[project["clusterId"]], project["name"]))
        assert value(answer, "GPU_ALLOCATION") == about(allocated(row) if row else 0)
        sums[project["parentId"]] = sums.get(project["parentId"], 0) + value(answer, "GPU_ALLOCATION")
    assert {(cluster, name) for cluster, name in rows if name} <= {
        (names[each["clusterId"]], each["name"]) for each in projects
    }
    departments = client.organizations.departments.get_departments().data["departments"]
    assert set(sums) <= {each["id"] for each in departments}
    for department in departments:
        answer = client.organizations.departments.get_department_metrics(
            department["id"], metric_type=[models.OrgUnitMetricType.GPU_ALLOCATION], number_of_samples=1, **during
        )
        assert value(answer, "GPU_ALLOCATION") == about(sums.get(department["id"], 0))


def test_averages_of_projects_are_those_of_the_ledger(demo: Demo, client: Any, clusters: dict[str, str]) -> None:
    projects = client.organizations.projects.get_projects(
        sort_by=models.ProjectFilterSortFields.AVGGPUALLOCATION24H
    ).data["projects"]
    end = parse_time(projects[0]["overtimeData"]["range24hData"]["updatedAt"])
    names = {uuid: name for name, uuid in clusters.items()}
    first: dict[tuple[str, str], datetime] = {}
    for row in demo.ask(f"ledger?by=cluster,project&step=1h&{between(Window(end - timedelta(hours=24), end))}")["data"]:
        key, time = (row["cluster"], row["project"]), parse_time(row["time"])
        if row["capacity_seconds"]:
            first[key] = min(time, first.get(key, time))
    assert len(projects) == 5
    for project in projects:
        told, key = project["overtimeData"]["range24hData"], (names[project["clusterId"]], project["name"])
        life = Window(min(first[key], Window.hour_of(parse_time(project["createdAt"])).start), end)
        assert told["averageGpuAllocation"] == about(metric(demo, life, "gpus_allocated", "cluster,project")[key])
        row = ledger(demo, life, "cluster,project")[key]
        known = row["busy_seconds"] + row["idle_seconds"]
        assert told["averageGpuUtilization"] == about(100 * row["busy_seconds"] / known)
    averages = [project["overtimeData"]["range24hData"]["averageGpuAllocation"] for project in projects]
    assert averages == sorted(averages)


def test_workloads_and_their_pods(
    demo: Demo, client: Any, clusters: dict[str, str], hour: Window, during: dict[str, datetime]
) -> None:
    api, names = client.workloads.workloads, {uuid: name for name, uuid in clusters.items()}
    listed = api.get_workloads(limit=500).data["workloads"]
    assert len(listed) == api.count_workloads().data["count"] > 0
    running = [each for each in listed if each["phase"] == "Running"]
    rows = ledger(demo, hour, "cluster,workload")
    for workload in running[:5]:
        models.Workload.model_validate(workload)
        row = rows.get((names[workload["clusterId"]], workload["name"]))
        answer = api.get_workload_metrics(
            workload["id"], metric_type=[models.WorkloadMetricType.GPU_ALLOCATION], number_of_samples=1, **during
        )
        if row:
            assert value(answer, "GPU_ALLOCATION") == about(allocated(row))
        pods = client.workloads.pods.get_workload_pods(workload["id"]).data["pods"]
        assert pods
        assert {pod["workloadId"] for pod in pods} == {workload["id"]}
        told = client.workloads.pods.get_workload_pod_metrics(
            workload["id"],
            pods[0]["id"],
            metric_type=[models.PodMetricType.GPU_UTILIZATION],
            number_of_samples=1,
            **during,
        )
        assert told.status_code in (200, 207)
    assert {each["name"] for each in api.get_workloads(filter_by=["phase==Running"], limit=500).data["workloads"]} == {
        each["name"] for each in running
    }


def test_telemetry_says_what_there_is_now(demo: Demo, client: Any) -> None:
    told = client.organizations.nodes.get_node_telemetry(telemetry_type=models.NodeTelemetryType.TOTAL_GPUS).data
    gpus = metric(demo, None, "gpus_capacity", "cluster")
    assert sum(float(each["value"]) for each in told["values"]) == about(sum(gpus.values()))
    counted = client.workloads.workloads.get_workloads_telemetry(
        telemetry_type=models.WorkloadTelemetryType.WORKLOADS_COUNT, filter_by_phases=["Running"]
    ).data
    running = client.workloads.workloads.get_workloads(filter_by=["phase==Running"], limit=500).data["workloads"]
    assert sum(float(each["value"]) for each in counted["values"]) == len(running)


def test_the_seeds_examples(demo: Demo, client: Any, clusters: dict[str, str]) -> None:
    """A user and a project are made, the user is given the project, and lists with a bearer token."""
    admin = demo.session
    listed = admin.get(f"{demo.address}/v1/k8s/clusters", timeout=PATIENCE)
    assert {each["name"]: each["uuid"] for each in listed.json()} == clusters
    assert "Deprecation" in listed.headers

    user = admin.post(f"{demo.address}/api/v1/users", json={"email": "grace@example.com"}, timeout=PATIENCE)
    assert user.status_code == 201
    made = client.organizations.projects.create_project(
        models.ProjectCreationRequest.model_validate(
            {"name": "compilers", "clusterId": clusters["alpha"], "resources": []}
        )
    )
    assert made.status_code == 201
    given = models.AccessRuleCreationFields(
        subject_id="grace@example.com",
        subject_type="user",
        role_id=RESEARCHER.id,
        scope_id=made.data["id"],
        scope_type="project",
    )
    assert client.authentication_and_authorization.access_rules.create_access_rule(given).status_code == 201
    credentials = {"grantType": "password", "username": "grace@example.com", "password": user.json()["tempPassword"]}
    token = requests.post(f"{demo.address}/api/v1/token", json=credentials, timeout=PATIENCE).json()["accessToken"]
    bearer = {"Authorization": f"Bearer {token}"}
    seen = requests.get(f"{demo.address}/api/v1/org-unit/projects", headers=bearer, timeout=PATIENCE).json()["projects"]
    assert [project["name"] for project in seen] == ["compilers"]
    assert client.organizations.projects.delete_project(made.data["id"]).status_code in (202, 204)
    with pytest.raises(errors.ApiException) as gone:
        client.organizations.projects.get_project(made.data["id"])
    assert gone.value.status == 404
