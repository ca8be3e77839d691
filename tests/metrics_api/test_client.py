"""The client that is generated from the OpenAPI document, and the program of docs/client.md that uses it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from metrics_api.openapi import describe
from metrics_api.routes import ENDPOINTS
from queries.control.roles import VIEWER
from queries.control.rules import NewRule
from queries.control.users import create_user
from tests.conftest import ROOT
from tests.serving import serving

GUIDE = (ROOT / "docs" / "client.md").read_text()

DURING = ("2025-03-03T00:00:00Z", "2025-03-03T04:00:00Z")

READER = ("client@example.com", "correct horse")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the client, made as the guide says."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(describe(ENDPOINTS)))
    (command,) = re.findall(r"^openapi-python-client (generate .*)$", GUIDE, re.MULTILINE)
    arguments = command.replace("docs/client.yml", str(ROOT / "docs" / "client.yml")).split()
    made = run("-m", "openapi_python_client", *arguments, folder=folder)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "WARNING" not in made.stdout + made.stderr
    return folder / "client"


@pytest.fixture(scope="module")
def address(app: Starlette) -> Iterator[str]:
    create_user(app.state.services.control, *READER, rules=(NewRule(VIEWER.id, "tenant", "1"),))
    with serving(app) as address:
        yield address


def run(*arguments: str, folder: Path, paths: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    known = os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": known, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def use(client: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program of the guide."""
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    return run("-c", program, *arguments, folder=client, paths=(client,))


def test_every_operation_is_a_function(client: Path) -> None:
    made = {path.stem for path in (client / "metrics_api_client" / "api").glob("*/*.py")} - {"__init__"}
    assert made == {endpoint.operation_id.replace(".", "_") for endpoint in ENDPOINTS}


def test_the_program_of_the_guide_tells_what_the_ledger_holds(client: Path, address: str) -> None:
    """Project a keeps a GPU of alpha half busy for four hours."""
    ran = use(client, address, *READER, *DURING)
    assert ran.returncode == 0, ran.stderr
    clusters, hours, utilization = (
        [re.split(r"\s{2,}", line) for line in part.strip().splitlines()] for part in ran.stdout.strip().split("\n\n")
    )
    assert [row[0] for row in clusters] == ["Clusters", "name", "alpha", "beta"]
    assert ["a", "4.00", "2.00"] in hours
    assert utilization[1][0] == "time"
    place = utilization[1].index("a")
    assert [row[place] for row in utilization[2:]] == ["0.5"] * 4


def test_the_program_of_the_guide_tells_what_is_refused(client: Path, address: str) -> None:
    ran = use(client, address, READER[0], "wrong", *DURING)
    assert ran.returncode == 1
    assert "credentials" in ran.stderr
