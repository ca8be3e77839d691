"""Names that somebody made up to do harm: each comes back as it is, in every format, and can be asked by."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from starlette.testclient import TestClient

from metrics_api.app import create_app
from queries.lake import Lake
from queries.settings import Cluster, Settings
from queries.window import HOUR, Window
from tests.served import HOSTILE, settings_for
from tests.sketch import START, Sketch

NAMES = (
    HOSTILE,
    "'; drop table projects; --",
    '") or 1=1 --',
    "'||read_text('/etc/passwd')||'",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "a,b;c\td|e",
    "a,user==ada",
    "\\,\\",
    '"a"',
    "a\r\nX-Injected: yes\r\n\r\n",
    "a\x1b[2Jb\x07",
    "{{ 7 * 7 }}{% include 'x' %}{0}%s$x",
    "\u202egnp.exe\u2066 \ufeff \U0001f4a5 e\u0301",
    " a ",
    "null",
    "NaN",
    "-1+1",
    "%_*?[a-z]",
    "x" * 2_000,
)

ROLES = ("node_pool", "node", "gpu", "gpu_model", "department", "project", "user", "workload")

DURING = {"start": "2025-03-03", "end": "2025-03-03T01:00:00Z"}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An hour of a cluster in which everything has a harmful name: a node, its pool, its GPU and the model of it, the
    namespace, the project, the user and the name of what holds the GPU. A second GPU is held by a department."""
    folder = tmp_path_factory.mktemp("labels")
    lake = Lake(str(folder))
    lake.create()
    lake.replace(Window(START, START + HOUR), sketch().book().of(Window(START, START + HOUR)))
    told = settings_for(folder, "off").model_dump(mode="json")
    departments = [{"name": name, "projects": [f"of-{place}"]} for place, name in enumerate(NAMES)]
    with TestClient(create_app(Settings.model_validate(told | {"departments": departments}))) as client:
        yield client


def sketch() -> Sketch:
    made = Sketch(Cluster(name="alpha", prometheus="http://127.0.0.1:1"))
    for place, name in enumerate(NAMES):
        made.node(name, 2)
        made.rows["node_facts"].append({"node": name, "labels": [("label_node_pool", name)]})
        made.pod(name, name, 1, project=name, user=name)
        made.rows["pod_facts"][-1] |= {"owner_kind": "Job", "owner_name": name}
        made.pod(f"of-{place}", name, 1, project=f"of-{place}")
        made.gpu(name, name, 1.0, pod=name)
        made.rows["gpu_series"][-1]["gpu_model"] = name
        made.gpu(f"other-{place}", name, 0.5, pod=f"of-{place}")
    return made


def from_csv(content: bytes) -> list[Row]:
    """As somebody reads it who knows that an apostrophe guards what looks like a formula."""
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return [{name: unguarded(value) for name, value in row.items()} for row in rows]


def unguarded(text: str) -> str:
    assert not text.lstrip().startswith(("=", "+", "-", "@")), text
    return text[1:] if text.startswith("'") and text.lstrip("' ")[:1] in "=+-@\t\r\n" else text


READ: dict[str, Callable[[bytes], list[Row]]] = {
    "json": lambda content: json.loads(content)["data"],
    "ndjson": lambda content: [json.loads(line) for line in content.split(b"\n") if line],
    "parquet": lambda content: parquet.read_table(io.BytesIO(content)).to_pylist(),
    "arrow": lambda content: pa.ipc.open_stream(content).read_all().to_pylist(),
    "csv": from_csv,
}


def rows(client: TestClient, form: str, **asked: Any) -> list[Row]:
    answer = client.get("/api/v1/ledger", params=DURING | asked | {"format": form})
    assert answer.status_code == 200, answer.text
    assert "x-injected" not in answer.headers
    return READ[form](answer.content)


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("role", ROLES)
def test_every_name_comes_back_as_it_is(client: TestClient, role: str, form: str) -> None:
    told = {row[role] for row in rows(client, form, by=role)}
    assert set(NAMES) <= told


@pytest.mark.parametrize("role", ["department", "project", "user", "gpu"])
def test_every_name_can_be_asked_by(client: TestClient, role: str) -> None:
    whole = {row[role]: row for row in rows(client, "json", by=role)}
    for name in NAMES:
        condition = f"{role}=={name}".replace(",", "\\,")
        assert rows(client, "json", by=role, where=condition) == [whole[name]], name


def test_several_names_can_be_asked_by_at_once(client: TestClient) -> None:
    conditions = [f"project!={name}".replace(",", "\\,") for name in NAMES]
    for asked in (conditions, ",".join(each for each in conditions if not each.endswith("\\"))):
        told = {row["project"] for row in rows(client, "json", by="project", where=asked)}
        assert told & set(NAMES) <= {"\\,\\"}


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "arrow"])
@pytest.mark.parametrize("dataset", ["ledger_raw", "ledger_hours"])
def test_exports_have_every_name(client: TestClient, dataset: str, form: str) -> None:
    answer = client.get(f"/api/v1/exports/{dataset}", params=DURING | {"format": form})
    assert answer.status_code == 200, answer.text
    told = READ[form](answer.content)
    for role in ("project", "user", "node", "workload"):
        assert set(NAMES) <= {row[role] for row in told}, role


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/metrics/range", {"metric": "gpus_busy", "by": "project,node", "step": "1h"}),
        ("/api/v1/metrics/range", {"metric": "gpus_busy", "by": "project", "shape": "wide"}),
        ("/api/v1/ledger", {"by": "project", "shape": "wide", "step": "1h", "format": "csv"}),
        ("/api/v1/waste", {"by": "project,user"}),
        ("/api/v1/queue-waits", {"by": "project"}),
        ("/api/v1/workload-usage", {}),
        ("/grafana/query", {"target": "gpus_busy", "by": "project", "shape": "wide"}),
        (
            "/api/datasources/proxy/1/api/v1/query",
            {"query": "runai_gpu_utilization_per_project", "time": DURING["end"]},
        ),
    ],
)
def test_no_name_breaks_an_answer(client: TestClient, path: str, asked: dict[str, str]) -> None:
    answer = client.get(path, params=asked if "proxy" in path else DURING | asked)
    assert answer.status_code == 200, answer.text
    assert "x-injected" not in answer.headers
