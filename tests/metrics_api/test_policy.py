"""One policy: what an actor may not see, no route tells, in no format."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from starlette.testclient import TestClient

from metrics_api.access.routes import ACCESS
from metrics_api.app import create_app
from metrics_api.fleet.routes import FLEET
from metrics_api.formats import MEDIA_TYPES
from metrics_api.org_units.routes import ORG_UNITS
from metrics_api.policy import Actor
from metrics_api.reports import ReportRequest, id_of
from metrics_api.routes import ENDPOINTS
from queries.ids import cluster_id, department_id, node_id, node_pool_id, pod_id, project_id, workload_id
from queries.lake import Lake
from queries.scope import EVERYTHING, Scope
from queries.window import HOUR, Window, format_time
from tests.metrics_api.acting import act_as
from tests.queries.test_question import HOURS, drawn
from tests.served import HOSTILE, settings_for

RECENT = Window.hour_of(datetime.now(UTC) - timedelta(hours=6)).start
DURING = {"start": format_time(RECENT), "end": format_time(RECENT + HOURS * HOUR)}
POD = {"cluster": "beta", "workload_kind": "Pod", "workload": "pa", "namespace": "team"}
RANGE = {"range": {"from": DURING["start"], "to": DURING["end"]}}
LONGER = {"range": {"from": format_time(RECENT - HOUR), "to": DURING["end"]}}
BY = {"by": "cluster,project"}

TYPES = DURING | {"metricType": "GPU_UTILIZATION"}

LEGACY = (
    "/v1/k8s/clusters/{cluster_uuid}/metrics",
    "/v1/k8s/clusters/{cluster_uuid}/projects/metrics",
    "/v1/k8s/clusters/{cluster_uuid}/projects/{project_id}/metrics",
    "/v1/k8s/clusters/{cluster_uuid}/departments/metrics",
    "/v1/k8s/clusters/{cluster_uuid}/departments/{department_id}/metrics",
)

LISTS = (
    "/v1/k8s/clusters/{cluster_uuid}/projects",
    "/v1/k8s/clusters/{cluster_uuid}/projects/{project_id}",
    "/v1/k8s/clusters/{cluster_uuid}/departments",
    "/v1/k8s/clusters/{cluster_uuid}/node-pools",
)

NODES = ("/api/v1/clusters/{cluster_uuid}/nodes", "/api/v1/clusters/{cluster_uuid}/nodes/count")

PROMQL = DURING | {"query": "runai_gpu_utilization_per_node", "step": "10m", "time": DURING["end"]}

SERVED = DURING | {"metricType": "THROUGHPUT"}

REPORT = DURING | {"name": "all", "groupBy": "Cluster"}

IN_PATHS = {
    "report_id": id_of(ReportRequest.model_validate(REPORT)),
    "datasource": "1",
    "dataset": "ledger_hours",
    "cluster_uuid": cluster_id("beta"),
    "nodepool_name": "pool",
    "nodepool_id": node_pool_id("beta", "pool"),
    "node_id": node_id("beta", "beta-1"),
    "project_id": project_id("beta", "b"),
    "department_id": department_id("beta", "research"),
    "workload_id": workload_id("beta", "team", "Pod", "pb"),
    "pod_id": pod_id("beta", "team", "pb"),
}
"""What the parameters in paths name: things of beta."""

Asked = tuple[dict[str, Any], dict[str, Any] | None]

ASKED: dict[tuple[str, str], Asked] = {
    ("GET", "/api/v1/clusters"): ({}, None),
    ("GET", "/api/v1/metrics"): ({}, None),
    ("GET", "/api/v1/metrics/range"): (DURING | BY | {"metric": "gpus_busy"}, None),
    ("GET", "/api/v1/metrics/latest"): (BY | {"metric": "gpus_busy", "max_age": "12h"}, None),
    ("GET", "/api/v1/ledger"): (DURING | BY, None),
    ("GET", "/api/v1/exports"): ({}, None),
    ("GET", "/api/v1/exports/{dataset}"): (DURING, None),
    ("GET", "/api/v1/exports/{dataset}/days"): (DURING, None),
    ("GET", "/api/v1/waste"): (DURING | BY | {"never_used_after": "1m"}, None),
    ("GET", "/api/v1/queue-waits"): (DURING | BY, None),
    ("GET", "/api/v1/explain"): ({"cluster": "beta", "gpu": "beta-0", "time": format_time(RECENT + HOUR)}, None),
    ("GET", "/api/v1/workload-usage"): (DURING, None),
    ("POST", "/api/v1/workload-usage"): (DURING, {"workloads": [POD]}),
    ("GET", "/api/v1/workload-usage/series"): (DURING | POD, None),
    ("GET", "/api/v1/clusters/{cluster_uuid}/metrics"): (TYPES | {"groupBy": "Cluster,Project"}, None),
    ("GET", "/api/v1/clusters/{cluster_uuid}/nodepools/{nodepool_name}/metrics"): (TYPES, None),
    ("GET", "/api/v1/nodes/{node_id}/metrics"): (TYPES, None),
    ("GET", "/api/v1/nodes/telemetry"): ({"telemetryType": "TOTAL_GPUS", "groupBy": "Node"}, None),
    ("GET", "/api/v1/workloads/telemetry"): ({"telemetryType": "GPU_ALLOCATION", "groupBy": "ProjectId"}, None),
    ("GET", "/api/v1/org-unit/projects/telemetry"): ({"telemetryType": "GPU_ALLOCATION", "groupBy": "ProjectId"}, None),
    ("GET", "/api/v1/org-unit/departments/telemetry"): ({"telemetryType": "GPU_ALLOCATION"}, None),
    ("GET", "/api/v1/org-unit/projects/{project_id}/metrics"): (TYPES, None),
    ("GET", "/api/v1/org-unit/departments/{department_id}/metrics"): (TYPES, None),
    ("GET", "/api/v1/workloads"): ({}, None),
    ("GET", "/api/v1/workloads/count"): ({}, None),
    ("GET", "/api/v1/workloads/pods"): ({"verbosity": "full"}, None),
    ("GET", "/api/v1/workloads/pods/count"): ({}, None),
    ("GET", "/api/v1/workloads/{workload_id}"): ({}, None),
    ("GET", "/api/v1/workloads/{workload_id}/pods"): ({}, None),
    ("GET", "/api/v1/workloads/{workload_id}/events"): ({}, None),
    ("GET", "/api/v1/workloads/{workload_id}/history"): ({}, None),
    ("GET", "/api/v1/workloads/{workload_id}/metrics"): (TYPES, None),
    ("GET", "/api/v1/workloads/{workload_id}/pods/{pod_id}/metrics"): (TYPES, None),
    ("GET", "/api/v1/workloads/inferences/{workload_id}/metrics"): (SERVED, None),
    ("GET", "/api/v1/workloads/inferences/{workload_id}/pods/{pod_id}/metrics"): (SERVED, None),
    ("GET", "/api/v1/org-unit/reports/availability"): ({}, None),
    ("POST", "/api/v1/org-unit/reports"): ({}, REPORT),
    ("GET", "/api/v1/org-unit/reports/{report_id}"): ({}, None),
    ("GET", "/api/v1/org-unit/reports/{report_id}/file"): ({}, None),
    **{("GET", path): ({}, None) for path in (*LEGACY, *LISTS, *NODES)},
    ("GET", "/v1/k8s/clusters"): ({}, None),
    ("GET", "/api/v1/clusters/{cluster_uuid}"): ({}, None),
    ("GET", "/api/v1/nodes"): ({}, None),
    ("GET", "/api/v1/nodes/count"): ({}, None),
    ("GET", "/api/v1/node-pools"): ({}, None),
    ("GET", "/api/v1/node-pools/count"): ({}, None),
    ("GET", "/api/v1/node-pools/{nodepool_id}"): ({}, None),
    **{
        (method, f"{base}/api/datasources/proxy/{{datasource}}/api/v1/{name}"): (PROMQL, None)
        for base in ("", "/grafana")
        for name in ("query", "query_range")
        for method in ("GET", "POST")
    },
    ("GET", "/grafana"): ({}, None),
    ("GET", "/grafana/"): ({}, None),
    ("GET", "/grafana/query"): (
        {"target": "gpus_busy", "by": "cluster,project", **DURING},
        None,
    ),
    ("POST", "/grafana/query"): (
        {},
        RANGE | {"targets": [{"target": "gpus_busy", "payload": {"by": ["cluster", "project"]}}]},
    ),
    ("POST", "/grafana/search"): ({}, {"target": "cluster"}),
    ("POST", "/grafana/metrics"): ({}, {}),
    ("POST", "/grafana/metric-payload-options"): ({}, {"metric": "gpus_busy", "name": "cluster"}),
    ("POST", "/grafana/variable"): ({}, RANGE | {"payload": {"target": "cluster"}}),
    ("POST", "/grafana/annotations"): ({}, LONGER | {"annotation": {"query": "gaps", "name": "gaps"}}),
    ("POST", "/grafana/tag-keys"): ({}, {}),
    ("POST", "/grafana/tag-values"): ({}, {"key": "cluster"}),
}
"""Something to ask of every route that needs an actor, with an answer that would tell of beta."""

SILENT = {
    "/api/v1/metrics",
    "/api/v1/exports",
    "/api/v1/org-unit/reports/availability",
    "/api/v1/org-unit/reports",
    "/api/v1/org-unit/reports/{report_id}",
    "/api/v1/exports/{dataset}/days",
    "/api/v1/clusters/{cluster_uuid}/nodepools/{nodepool_name}/metrics",
    "/api/v1/org-unit/departments/{department_id}/metrics",
    "/grafana",
    "/grafana/",
    "/grafana/metrics",
    "/grafana/tag-keys",
    "/api/v1/nodes/count",
    "/api/v1/node-pools",
    "/api/v1/node-pools/count",
    "/api/v1/node-pools/{nodepool_id}",
    *(f"/api/v1/workloads{below}" for below in ("", "/count", "/pods/count")),
    *(f"/api/v1/workloads/{{workload_id}}{below}" for below in ("", "/events", "/history")),
}
"""Routes that name no cluster, whoever asks, but by its id; there are no node pools and no departments."""

OF_ONE_WORKLOAD = {f"/api/v1/workloads/{{workload_id}}{below}" for below in ("", "/pods", "/events", "/history")}

BY_ID = {
    *LISTS,
    *NODES,
    "/api/v1/clusters/{cluster_uuid}",
    "/api/v1/nodes/{node_id}/metrics",
    "/api/v1/org-unit/projects/{project_id}/metrics",
    "/api/v1/workloads/{workload_id}/metrics",
    "/api/v1/workloads/{workload_id}/pods/{pod_id}/metrics",
    *OF_ONE_WORKLOAD,
    "/api/v1/workloads/inferences/{workload_id}/metrics",
    "/api/v1/workloads/inferences/{workload_id}/pods/{pod_id}/metrics",
}
"""Routes that name a cluster in their envelope, or by its id, alone."""

LIVE = {
    *LEGACY,
    "/api/v1/nodes/telemetry",
    "/api/v1/workloads/telemetry",
    "/api/v1/org-unit/projects/telemetry",
    "/api/v1/org-unit/departments/telemetry",
}
"""The same of now, of which there are no rows: their tests are in test_telemetry.py."""

WITHOUT_ROWS = "/api/v1/queue-waits"
"""Nobody waited: only the envelope names clusters."""

ALPHA = Scope(frozenset({("alpha", None)}))
BETA = Scope(frozenset({("beta", None)}))
PROJECT = Scope(frozenset({(None, "a")}))

FORMS = {
    "/grafana/query": [""],
    "/api/v1/exports/{dataset}/days": [""],
    "/api/v1/exports/{dataset}": ["csv", "ndjson", "parquet", "arrow"],
}

CHANGES = [endpoint for endpoint in FLEET if endpoint.resource]

OF_CONTROL = (*ACCESS, *ORG_UNITS, *CHANGES)

OF_THE_LEDGER = [endpoint for endpoint in ENDPOINTS if not endpoint.is_public and endpoint not in OF_CONTROL]
"""What is read from the control database, and changes of it, are not a matter of scopes: ``test_matrix.py`` walks those."""

WALKED = [
    (endpoint, form)
    for endpoint in OF_THE_LEDGER
    for form in FORMS.get(
        endpoint.path,
        MEDIA_TYPES.values() if endpoint.query and "format" in endpoint.query.model_fields else [""],
    )
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder = tmp_path_factory.mktemp("policy")
    lake = Lake(str(folder))
    lake.create()
    hostile = drawn("beta", 2, 1.0, RECENT)
    hostile.rows["pod_facts"][0]["labels"] = [("label_project", HOSTILE)]
    for sketch in (drawn("alpha", 4, 0.5, RECENT), hostile):
        for pod in sketch.rows["pod_facts"]:
            lived = {name: pod[name] for name in ("namespace", "pod", "uid")}
            sketch.rows["pod_times"].append(lived | {"what": "created", "time": RECENT.timestamp()})
        booked = sketch.book(HOURS)
        lake.replace_workloads(sketch.cluster.name, Window(RECENT, RECENT + HOURS * HOUR), booked.workloads, RECENT)
        for hour in Window(RECENT, RECENT + HOURS * HOUR).hours():
            lake.replace(hour, booked.of(hour))
    return TestClient(create_app(settings_for(folder, "off")))


def told(client: TestClient, method: str, path: str, form: str) -> str:
    """What a route says, as text."""
    query, body = ASKED[method, path]
    asked = query | ({"format": form} if form else {})
    answer = client.request(method, path.format(**IN_PATHS), params=asked, json=body)
    assert answer.status_code in (200, 202, 207, 404), answer.text
    if answer.status_code == 200 and form in ("parquet", "arrow"):
        source = io.BytesIO(answer.content)
        rows = parquet.read_table(source) if form == "parquet" else pa.ipc.open_stream(source).read_all()
        return f"{rows.to_pylist()} {rows.schema.metadata}"
    return f"{answer.text} {answer.headers}"


def test_every_route_is_walked() -> None:
    assert set(ASKED) == {(endpoint.method, endpoint.path) for endpoint in OF_THE_LEDGER}


@pytest.mark.parametrize(("endpoint", "form"), WALKED, ids=lambda each: getattr(each, "path", each))
def test_no_route_tells_what_an_actor_may_not_see(
    endpoint: Any, form: str, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {}
    for name, scope in (("everything", EVERYTHING), ("alpha", ALPHA), ("project", PROJECT)):
        act_as(monkeypatch, Actor(name, scope))
        texts[name] = told(client, endpoint.method, endpoint.path, form)
    if endpoint.path not in {WITHOUT_ROWS, *BY_ID, *LIVE} or form == "json":
        assert ("beta" in texts["everything"]) == (endpoint.path not in SILENT)
    repeated = ("cluster 'beta'", "gpu 'beta-0'")  # what was asked about
    assert "beta" not in texts["alpha"].replace(repeated[0], "").replace(repeated[1], "")
    assert HOSTILE[1:10] not in texts["alpha"] + texts["project"]


@pytest.mark.parametrize("path", sorted(BY_ID))
def test_what_an_actor_may_not_see_is_not_found(path: str, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for name, scope in (("everything", EVERYTHING), ("beta", BETA), ("alpha", ALPHA)):
        act_as(monkeypatch, Actor(name, scope))
        found[name] = client.get(path.format(**IN_PATHS), params=ASKED["GET", path][0]).status_code
    assert found == {"everything": 200, "beta": 200, "alpha": 404}


def test_of_a_node_that_projects_share_only_its_own_is_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = DURING | {"metricType": "TOTAL_GPU,ALLOCATED_GPU,TOTAL_GPU_NODES", "numberOfSamples": "1"}
    act_as(monkeypatch, Actor("of a project", PROJECT))
    told = client.get(f"/api/v1/clusters/{cluster_id('alpha')}/metrics", params=asked).json()["measurements"]
    assert [each["values"][0]["value"] for each in told] == ["1", "1", "1"]
    assert client.get(f"/api/v1/org-unit/projects/{project_id('alpha', 'b')}/metrics", params=TYPES).status_code == 404
