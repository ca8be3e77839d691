"""docs/organisation.md says what is so."""

import json
import re

from starlette.testclient import TestClient

from metrics_api.org_units.routes import ORG_UNITS
from metrics_api.org_units.rows import COLUMNS, PROJECT_COLUMNS
from queries.ids import cluster_id
from tests.conftest import ROOT

PAGE = (ROOT / "docs/organisation.md").read_text()

UNITS = "/api/v1/org-unit"


def test_its_examples_work(admin: TestClient) -> None:
    department, project = re.findall(r"-d '(.*?)'", PAGE, re.DOTALL)
    vision = admin.post(f"{UNITS}/departments", json=json.loads(department.replace("CLUSTER", cluster_id("alpha"))))
    assert vision.status_code == 201, vision.text
    filled = project.replace("CLUSTER", cluster_id("alpha")).replace("DEPARTMENT", vision.json()["id"])
    team = admin.post(f"{UNITS}/projects", json=json.loads(filled))
    assert team.json()["totalResources"] == {"gpuQuota": 8.0, "cpuQuota": 64_000.0, "memoryQuota": 512_000.0}
    listing = re.findall(r'curl "localhost:8080(.*?)"', PAGE)
    assert len(admin.get(listing[0]).json()["projects"]) == 3
    assert admin.delete(f"{UNITS}/projects/{team.json()['id']}").status_code == 204
    assert admin.delete(f"{UNITS}/departments/{vision.json()['id']}").status_code == 204


def test_it_names_every_field_and_method() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE))
    plain = {column.name for column in PROJECT_COLUMNS if not column.name.startswith("avg")}
    assert plain <= told
    assert "`avgGpu{Allocation,Utilization,MemoryUtilization}{24h,7d,30d}`" in PAGE
    assert sum(column.name.startswith("avg") for column in COLUMNS) == 9
    for endpoint in ORG_UNITS:
        assert endpoint.method in PAGE
