"""docs/access.md says what is so."""

import re
import tomllib
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from metrics_api.access.routes import ACCESS
from metrics_api.access.throttle import LIMITS
from metrics_api.cli import app as cli
from queries.control.roles import ROLES
from queries.settings import Settings
from tests.conftest import ROOT

PAGE = (ROOT / "docs/access.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_its_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("metrics-api")]
    assert len(commands) == 11
    for command in commands:
        result = CliRunner().invoke(cli, command.split()[1:])
        assert result.exit_code == 0, result.output


def test_its_requests_are_understood(anonymous: TestClient) -> None:
    requests = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl")]
    assert len(requests) == 3
    for request in requests:
        path = request.split()[1].removeprefix("localhost:8080")
        data = "&".join(quoted or plain for quoted, plain in re.findall(r"-d (?:'(.*?)'|(\S+))", request))
        form = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl sends either
        answer = anonymous.post(path, content=data, headers=form)
        told = answer.json()
        assert answer.status_code == 400
        assert "the credentials are not right" in told.get("message", told.get("error_description"))


def test_its_settings_are_settings() -> None:
    (settings,) = blocks("toml")
    assert Settings.model_validate(tomllib.loads(settings)).auth.oidc


def test_its_roles_are_those_that_there_are() -> None:
    told = {
        int(number): (name, text) for name, number, text in re.findall(r"^\| (\S+) \| (\d) \| (.*) \|$", PAGE, re.M)
    }
    assert told == {role.id: (role.name.lower().replace(" ", "-"), role.description) for role in ROLES.values()}


def test_its_endpoints_and_limits_are_those_that_there_are() -> None:
    public = {endpoint.path for endpoint in ACCESS if endpoint.is_public}
    assert all(f"`{path}`" in PAGE or f"`POST {path}`" in PAGE for path in public)
    limit = LIMITS["account and address"]
    assert (limit.free, limit.longest_seconds) == (5, 60)
