"""Workloads and pods of the live lake, whose numbers one can check by hand, and those of the ledger."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.app import create_app
from metrics_api.policy import Actor
from queries.ids import department_id, pod_id, project_id, workload_id
from queries.lake import Lake
from queries.scope import Scope
from queries.window import HOUR, format_time
from tests.live import DAY, GIBIBYTE, NOW, START, Live, settings_for
from tests.metrics_api.live import ALPHA, BETA, TRAIN, TRAIN_POD
from tests.metrics_api.workloads.conftest import various

RAN = int((NOW - START).total_seconds())


@pytest.fixture(scope="module")
def client(live: TestClient) -> TestClient:
    return live


def listed(client: TestClient, path: str = "/api/v1/workloads", **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["pods" if path.endswith("pods") else "workloads"]
    return found


def test_a_workload_is_told_whole(client: TestClient) -> None:
    """GPU 0 works at 0.5, GPU 1 at 1: half a GPU is idle."""
    answer = client.get(f"/api/v1/workloads/{TRAIN.upper()}").json()
    assert answer == {
        "tenantId": 1,
        "clusterId": ALPHA,
        "id": TRAIN,
        "name": "train",
        "namespace": "team",
        "type": "Job",
        "category": "Train",
        "projectId": project_id("alpha", "a"),
        "projectName": "a",
        "departmentId": department_id("alpha", "research"),
        "departmentName": "research",
        "source": "Other",
        "phase": "Running",
        "phaseUpdatedAt": format_time(START),
        "k8sPhase": "Running",
        "k8sPhaseUpdatedAt": format_time(START),
        "conditions": [],
        "priority": None,
        "priorityClassName": "",
        "createdAt": format_time(START - HOUR / 6),
        "updatedAt": format_time(START),
        "deletedAt": None,
        "submittedBy": "ada",
        "workloadRequestedResources": {
            "gpuRequestType": "portion",
            "gpu": {"request": 2},
            "cpu": {"request": 8},
            "cpuMemory": {"request": str(16 * GIBIBYTE)},
        },
        "allocatedResources": {"gpu": 2, "cpu": 8, "cpuMemory": str(16 * GIBIBYTE)},
        "currentNodePools": ["a100_80gb"],
        "runningPods": 1,
        "idleGpus": 0,
        "idleAllocatedGpus": 0.5,
        "totalPendingTimeSeconds": 600,
        "totalRunningTimeSeconds": RAN,
    }


def test_what_waits_holds_nothing(client: TestClient) -> None:
    (waits,) = listed(client, filterBy="phase==Pending")
    assert waits["name"] == "waits"
    assert waits["allocatedResources"] == {"gpu": 0}
    assert (waits["totalPendingTimeSeconds"], waits["totalRunningTimeSeconds"]) == (3600, 0)
    assert (waits["runningPods"], waits["currentNodePools"]) == (0, [])


def test_what_is_held_is_what_the_ledger_says(client: TestClient) -> None:
    """The newest step of the ledger, summed by workload there."""
    asked = {"metric": ["gpus_allocated", "gpus_idle"], "by": "cluster,workload", "shape": "rows", "max_age": "15m"}
    rows = client.get("/api/v1/metrics/latest", params=asked).json()["data"]
    ledger = {
        (row["cluster"], row["workload"]): (row["gpus_allocated"], row["gpus_idle"]) for row in rows if row["workload"]
    }
    clusters = {ALPHA: "alpha", BETA: "beta"}
    found = {
        (clusters[each["clusterId"]], each["name"]): (each["allocatedResources"]["gpu"], each["idleAllocatedGpus"])
        for each in listed(client)
        if each["phase"] == "Running"
    }
    assert found == ledger
    assert sum(gpus for gpus, _ in found.values()) == 4.5


def test_pods_hold_what_the_ledger_says(client: TestClient) -> None:
    found = listed(client, "/api/v1/workloads/pods", verbosity="full", completed="false", limit=500)
    assert {(each["clusterId"], each["name"], each["allocatedResources"]["gpu"]) for each in found} == {
        (ALPHA, "train-0", 2),
        (ALPHA, "note-0", 1),
        (ALPHA, "frac-0", 0.5),
        (BETA, "train-0", 1),
    }
    (pod,) = listed(client, f"/api/v1/workloads/{TRAIN}/pods")
    assert pod == {
        "tenantId": 1,
        "clusterId": ALPHA,
        "id": TRAIN_POD,
        "name": "train-0",
        "workloadId": TRAIN,
        "workloadName": "train",
        "projectId": project_id("alpha", "a"),
        "projectName": "a",
        "nodeName": "alpha-1",
        "currentNodePool": "a100_80gb",
        "allocatedResources": {"gpu": 2},
        "containers": [],
        "k8sPhase": "Running",
        "k8sPhaseUpdatedAt": format_time(START),
        "priorityClassName": "",
        "createdAt": format_time(START),
        "updatedAt": format_time(START),
    }


def test_brief_pods_tell_no_names_of_what_they_belong_to(client: TestClient) -> None:
    for asked in ({}, {"verbosity": "brief"}):
        assert all("workloadName" not in each for each in listed(client, "/api/v1/workloads/pods", **asked))
    assert listed(client, "/api/v1/workloads/pods", completed="true") == []
    assert len(listed(client, "/api/v1/workloads/pods", completed="")) == 4
    assert listed(client, "/api/v1/workloads/pods", deleted=True) == []


def test_lists_are_counted(client: TestClient) -> None:
    assert client.get("/api/v1/workloads/count").json() == {"count": 5}
    assert client.get("/api/v1/workloads/count?deleted=true").json() == {"count": 0}
    assert client.get("/api/v1/workloads/count?filterBy=phase==Running&search=TRAIN").json() == {"count": 2}
    assert client.get("/api/v1/workloads/pods/count?filterBy=nodeName==alpha-1").json() == {"count": 2}


def test_events_and_history_are_the_changes_of_states(client: TestClient) -> None:
    waits = workload_id("alpha", "team", "Job", "waits")
    events = client.get(f"/api/v1/workloads/{waits}/events?sortOrder=asc").json()["events"]
    assert [(each["reason"], each["type"], each["createdAt"]) for each in events] == [
        ("Submitted", "Normal", format_time(NOW - HOUR)),
        ("Pending", "Normal", format_time(NOW - HOUR)),
    ]
    assert events[0]["involvedObject"] == {"uid": waits, "kind": "Job", "name": "waits", "namespace": "team"}
    assert len({each["id"] for each in events}) == 2
    records = client.get(f"/api/v1/workloads/{waits}/history?limit=1").json()
    assert [each["spec"]["phaseUpdate"]["phase"] for each in records["records"]] == ["Pending"]
    assert records["next"] == 1
    rest = client.get(f"/api/v1/workloads/{waits}/history?limit=1&offset=1").json()
    assert [each["spec"]["phaseUpdate"]["phase"] for each in rest["records"]] == ["Creating"]
    assert "next" not in rest


def test_what_ended_says_how(various_client: TestClient) -> None:
    found = {
        deleted: {each["id"]: each for each in listed(various_client, limit=500, deleted=deleted)}
        for deleted in (False, True)
    }
    assert not found[False].keys() & found[True].keys()
    assert {each["phase"] for each in found[True].values()} == {"Stopped"}
    ended = [row for row in various().to_pylist() if row["state"] == "ended"]
    phases = {"Completed": "Completed", "OOMKilled": "Failed", "Deleted": "Stopped", None: "Completed"}
    for row in ended:
        told = found[row["reason"] == "Deleted"][
            workload_id(row["cluster"], row["namespace"], row["workload_kind"], row["workload"])
        ]
        assert told["phase"] == phases[row["reason"]]
        over = told["deletedAt"] if row["reason"] == "Deleted" else told["completedAt"]
        assert datetime.fromisoformat(over) == row["time"]
        assert told["allocatedResources"] == {"gpu": 0}
        failed = various_client.get(f"/api/v1/workloads/{told['id']}/events").json()["events"][0]
        assert failed["type"] == ("Warning" if told["phase"] == "Failed" else "Normal")


def test_a_billing_collector_walks_all_pages(various_client: TestClient) -> None:
    """What OpenMeter's collector asks."""
    others = ("Creating", "Pending", "Initializing", "Resuming", "Deleting", "Updating", "Stopped", "Stopping")
    over = ("Failed", "Completed", "Terminating")
    asked: dict[str, Any] = {
        "limit": 2,
        "filterBy": ",".join(f"phase!={phase}" for phase in (*others, *over)),
        "offset": 0,
    }
    names = []
    while True:
        body = various_client.get("/api/v1/workloads", params=asked).json()
        names += [each["name"] for each in body["workloads"]]
        if not body.get("next"):
            break
        asked["offset"] = body["next"]
    assert sorted(names) == ["frac-0", "note", "train", "train"]


@pytest.mark.parametrize("below", ["", "/pods", "/events", "/history"])
def test_whoever_may_see_a_project_sees_its_workloads_alone(
    below: str, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics_api.auth.ANYONE", Actor("of a", Scope(frozenset({("alpha", "a")}))))
    assert [each["id"] for each in listed(client)] == [TRAIN]
    assert client.get("/api/v1/workloads/count").json() == {"count": 1}
    assert [each["id"] for each in listed(client, "/api/v1/workloads/pods")] == [pod_id("alpha", "team", "train-0")]
    assert client.get("/api/v1/workloads/pods/count").json() == {"count": 1}
    assert client.get(f"/api/v1/workloads/{TRAIN}{below}").status_code == 200
    others = [("alpha", "Notebook", "note"), ("beta", "Job", "train")]
    for cluster, kind, name in others:
        sought = workload_id(cluster, "team", kind, name)
        assert client.get(f"/api/v1/workloads/{sought}{below}").status_code == 404


def test_what_ran_before_anybody_looked_is_listed_while_it_holds_gpus(tmp_path: Path) -> None:
    live = Live("alpha")
    for number in (1, 2):
        live.node(f"alpha-{number}", 1)
        live.pod(f"big-{number}", f"alpha-{number}", 1, project="a", user="ada")
        live.worked_by(f"big-{number}", "PyTorchJob", "big")
        live.gpu_of(f"alpha-{number}", 0, 0.5, f"big-{number}")
    lake = Lake(str(tmp_path))
    lake.create()
    booked = live.book(4, as_of=NOW)
    for hour in DAY.hours():
        lake.replace(hour, booked.of(hour))
    lake.replace_workloads("alpha", DAY, booked.workloads, NOW)
    assert not booked.workloads
    client = TestClient(create_app(settings_for(tmp_path)))
    (big,) = listed(client, filterBy="allocatedGPU>=2,distributedFramework==PyTorch")
    assert (big["name"], big["phase"], big["submittedBy"], big["createdAt"]) == (
        "big",
        "Running",
        "ada",
        format_time(START),
    )
    assert (big["allocatedResources"], big["runningPods"], big["idleAllocatedGpus"]) == ({"gpu": 2}, 2, 1)
    assert not {"totalRunningTimeSeconds", "totalPendingTimeSeconds", "workloadRequestedResources"} & set(big)
    assert client.get("/api/v1/workloads/count").json() == {"count": 1}
    assert client.get(f"/api/v1/workloads/{big['id']}/events").json() == {"events": []}
    assert len(listed(client, f"/api/v1/workloads/{big['id']}/pods")) == 2
