"""Node pools, of the lake of tests/live.py."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from metrics_api.policy import Actor
from queries.ids import cluster_id, node_pool_id
from queries.scope import Scope
from tests.metrics_api.acting import act_as
from tests.metrics_api.live import ALPHA, BETA

POOLS = "/api/v1/node-pools"
FOUND = node_pool_id("alpha", "a100_80gb")


def pools(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = client.get(POOLS, params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["nodepools"]
    return found


def new(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "clusterId": ALPHA, "labelKey": "example.com/pool", "labelValue": name} | more


def test_what_the_lake_shows_is_told_as_run_ai_has_it(live: TestClient) -> None:
    pool = next(each for each in pools(live) if each["id"] == FOUND)
    assert pool["createdAt"] == pool["updatedAt"]
    told = {name: pool[name] for name in ("tenantId", "clusterId", "clusterName", "name", "isDefault", "phase")}
    assert told == {
        "tenantId": 1,
        "clusterId": ALPHA,
        "clusterName": "alpha",
        "name": "a100_80gb",
        "isDefault": False,
        "phase": "Ready",
    }
    assert pool["status"] == {"nodes": ["alpha-1"]}
    assert live.get(f"{POOLS}/{FOUND}").json() == pool


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"filterBy": f"clusterId=={ALPHA}"}, ["a100_80gb", "default"]),
        ({"filterBy": f"name==default,clusterId=={BETA}"}, ["default"]),
        ({"filterBy": "phase==Empty,name==default"}, []),
        ({"filterBy": "createdAt<=2020-01-01"}, []),
        (
            {"filterBy": f"clusterId=={ALPHA}", "sortBy": "NodepoolSortFilterFields.NAME", "sortOrder": "desc"},
            ["default", "a100_80gb"],
        ),
        ({"filterBy": f"clusterId=={ALPHA}", "offset": 1, "limit": 1}, ["default"]),
    ],
    ids=lambda each: str(each)[:40],
)
def test_node_pools_are_filtered_sorted_and_cut(asked: dict[str, Any], found: list[str], live: TestClient) -> None:
    assert [pool["name"] for pool in pools(live, **asked)] == found


def test_a_node_pool_lives(live: TestClient) -> None:
    before = live.get(f"{POOLS}/count").json()["count"]
    made = live.post(POOLS, json=new("h100", overProvisioningRatio=2, placementStrategy={"gpu": "spread"}))
    assert made.status_code == 201, made.text
    pool = made.json()
    path = f"{POOLS}/{pool['id']}"
    assert (pool["phase"], pool["status"], pool["labelValue"]) == ("Empty", {"nodes": []}, "h100")
    assert live.get(f"{POOLS}/count").json()["count"] == before + 1
    patched = live.patch(path, json={"labelValue": "h100-80gb"}).json()
    assert (patched["labelValue"], patched["overProvisioningRatio"]) == ("h100-80gb", 2)
    replaced = live.put(path, json={"overProvisioningRatio": 3}).json()
    assert (replaced["overProvisioningRatio"], replaced["placementStrategy"]) == (3, None)
    assert replaced["labelValue"] == "h100-80gb"
    assert live.delete(path).status_code == 204
    assert live.get(path).status_code == 404


@pytest.mark.parametrize("name", ["a100_80gb", "a100-80gb"])
def test_underscores_and_dashes_are_the_same_in_names(name: str, live: TestClient) -> None:
    answer = live.post(POOLS, json=new(name))
    assert answer.status_code == 409
    assert answer.json()["code"] == 409


def test_what_is_in_the_data_stays(live: TestClient) -> None:
    answer = live.delete(f"{POOLS}/{FOUND}")
    assert answer.status_code == 409
    assert "is in the data" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"clusterId": cluster_id("nowhere")}, 404, "there is no cluster"),
        ({"labelKey": "not a key"}, 400, "labelKey"),
        ({"labelValue": "x" * 64}, 400, "labelValue"),
        ({"overProvisioningRatio": 9}, 400, "overProvisioningRatio"),
        ({"colour": "red"}, 400, "unknown field 'colour'"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_is_wrong_is_told(body: dict[str, Any], status: int, said: str, live: TestClient) -> None:
    answer = live.post(POOLS, json=new("wrong") | body)
    assert answer.status_code == status
    assert said in answer.json()["message"]


def test_a_project_sees_the_pools_that_it_has_nodes_of(live: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, Actor("of a", Scope(frozenset({("alpha", "a")}))))
    assert [pool["name"] for pool in pools(live)] == ["a100_80gb"]
    assert live.get(f"{POOLS}/{node_pool_id('alpha', 'default')}").status_code == 404
