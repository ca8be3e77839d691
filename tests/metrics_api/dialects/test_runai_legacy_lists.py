"""The lists of Run:ai's old control plane, as the first scripts asked for them."""

import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from metrics_api.dialects.runai_legacy import numbers
from metrics_api.dialects.runai_legacy.numbers import number_of
from queries.control.tables import NodePool, Project, Quota
from queries.ids import cluster_id, department_id, node_pool_id, project_id
from tests.metrics_api.community import Community, community
from tests.serving import serving

ALPHA = f"/v1/k8s/clusters/{cluster_id('alpha')}"
POOL, A = node_pool_id("alpha", "h100"), project_id("alpha", "a")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Community]:
    """Project a of alpha may have two GPUs of the node pool h100."""
    with community(tmp_path_factory.mktemp("people")) as people:
        now = datetime.now(UTC)
        made: dict[str, Any] = {
            "cluster_id": cluster_id("alpha"),
            "settings": {},
            "created_by": "x",
            "created_at": now,
            "updated_by": "x",
            "updated_at": now,
        }
        with people.app.state.services.control.session() as session:
            session.add(NodePool(id=POOL, name="h100", is_default=False, **made))
            session.add(Project(id=project_id("alpha", "z"), name="z", description="", **made))
            session.flush()
            session.add(
                Quota(org_unit_id=A, node_pool_id=POOL, resource="gpu", deserved=2, limit=4, over_quota_weight=1)
            )
        yield people


@pytest.fixture(scope="module")
def admin(people: Community) -> TestClient:
    return people.client("admin")


def test_clusters_are_listed_with_a_bearer_token_as_the_first_scripts_did(people: Community) -> None:
    """Letter for letter, with nothing but the standard library."""
    with serving(people.app) as address:
        request = urllib.request.Request(  # an address of ours
            f"{address}/v1/k8s/clusters",
            headers={"Accept": "application/json", "Authorization": f"Bearer {people.token('admin')}"},
        )
        with urllib.request.urlopen(request) as answer:  # the same
            clusters, headers = msgspec.json.decode(answer.read()), answer.headers
    assert [cluster["name"] for cluster in clusters] == ["alpha", "beta"]
    first = clusters[0]
    assert set(first) == {"name", "tenantId", "clusterUuid", "uuid", "createdAt", "description"}
    assert first["uuid"] == first["clusterUuid"] == cluster_id("alpha")
    assert headers["Deprecation"].startswith("@")
    assert headers["Sunset"].endswith("GMT")
    assert '</api/v1/clusters>; rel="successor-version"' in headers["Link"]


def test_other_tenants_list_their_own(people: Community) -> None:
    assert [each["name"] for each in people.client("stranger").get("/v1/k8s/clusters").json()] == ["gamma"]


def test_projects_have_numbers_quotas_and_who_may_use_them(admin: TestClient) -> None:
    a, z = admin.get(f"{ALPHA}/projects").json()
    assert (a["id"], a["name"], a["clusterUuid"]) == (number_of(A), "a", cluster_id("alpha"))
    assert (a["deservedGpus"], a["maxAllowedGpus"], a["gpuOverQuotaWeight"]) == (2, 4, 1)
    assert (a["departmentName"], a["departmentId"]) == ("language", number_of(department_id("alpha", "language")))
    assert a["permissions"]["users"] == ["project-admin@example.com", "researcher@example.com"]
    assert a["nodePoolsResources"] == [
        {
            "id": number_of(POOL),
            "nodePool": {"id": number_of(POOL), "name": "h100"},
            "gpu": {"deserved": 2, "maxAllowed": 4, "overQuotaWeight": 1},
            "cpu": {"deserved": None, "maxAllowed": None, "overQuotaWeight": None},
            "memory": {"deserved": None, "maxAllowed": None, "overQuotaWeight": None},
        }
    ]
    assert (z["deservedGpus"], z["maxAllowedGpus"], z["departmentName"], z["namespace"]) == (0, -1, None, "runai-z")


def test_a_project_is_found_by_its_number_and_by_its_id(admin: TestClient) -> None:
    by_number, by_id = (admin.get(f"{ALPHA}/projects/{each}") for each in (number_of(A), A))
    assert by_number.json() == by_id.json()
    assert by_number.json()["name"] == "a"
    assert admin.get(f"{ALPHA}/projects/1").status_code == 404
    assert admin.get(f"{ALPHA}/departments/{number_of(department_id('alpha', 'language'))}/metrics").status_code == 200


def test_two_things_of_one_number_are_not_mistaken(admin: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "number_of", lambda _: 7)
    answer = admin.get(f"{ALPHA}/projects/7")
    assert answer.status_code == 400
    assert A in answer.json()["message"]


def test_departments_have_their_projects(admin: TestClient) -> None:
    (language,) = admin.get(f"{ALPHA}/departments").json()
    assert (language["name"], [project["name"] for project in language["projects"]]) == ("language", ["a"])


def test_node_pools_have_numbers(admin: TestClient) -> None:
    (pool,) = admin.get(f"{ALPHA}/node-pools").json()
    assert (pool["id"], pool["name"], pool["status"], pool["nodes"]) == (number_of(POOL), "h100", "Empty", "")


def test_a_member_sees_its_own_project_and_not_who_else_may(people: Community) -> None:
    researcher = people.client("researcher")
    (a,) = researcher.get(f"{ALPHA}/projects").json()
    assert (a["name"], a["permissions"]) == ("a", {"users": [], "groups": [], "applications": []})
    assert [each["name"] for each in researcher.get(f"{ALPHA}/departments").json()] == ["language"]
    assert researcher.get(f"{ALPHA}/projects/{number_of(project_id('alpha', 'z'))}").status_code == 404
    assert people.client("stranger").get(f"{ALPHA}/projects").status_code == 404
