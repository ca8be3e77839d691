"""The commands that manage who may ask."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from metrics_api.app import create_app
from metrics_api.cli import app as cli
from queries.control.database import Control
from queries.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "metrics.toml").write_text(
        '[store]\npath = "data"\n[[clusters]]\nname = "alpha"\nprometheus = "http://127.0.0.1:1"\n'
        '[[departments]]\nname = "language"\nprojects = ["llm*"]\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: str, code: int = 0, **variables: str) -> str:
    result = CliRunner().invoke(cli, ["admin", *command.split()], env=variables)
    assert result.exit_code == code, result.output
    return result.output


def told(output: str, what: str) -> str:
    return next(line.partition(":")[2].strip() for line in output.splitlines() if line.startswith(f"{what}:"))


def test_a_user_that_was_made_signs_in_and_may_what_its_role_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands are another process: what they revoke is noticed when what is remembered has aged."""
    monkeypatch.setattr("metrics_api.access.directory.SECONDS", 0.0)
    monkeypatch.setattr("queries.control.tokens.KEYS_SECONDS", 0.0)
    password = told(run("create-user Ada@example.com --role researcher --in project:alpha/llm"), "password")
    made = run("create-application robot --role viewer --in cluster:alpha")
    client_id, client_secret = told(made, "client id"), told(made, "client secret")
    with TestClient(create_app(Settings.load(folder / "metrics.toml"))) as client:
        body = {"grantType": "password", "username": "ada@example.com", "password": password}
        token = client.post("/api/v1/token", json=body).json()["accessToken"]
        headers = {"Authorization": f"Bearer {token}"}
        rules = client.get("/api/v1/authorization/me/access-rules", headers=headers).json()["accessRules"]
        (rule,) = rules["accessRules"]
        assert (rule["roleName"], rule["scopeType"], rule["scopeName"]) == ("Researcher", "project", "llm")
        credentials = {"grantType": "app_token", "appID": client_id, "appSecret": client_secret}
        assert client.post("/api/v1/token", json=credentials).status_code == 200
        renewed = told(run("renew-secret robot"), "client secret")
        assert client.post("/api/v1/token", json=credentials).status_code == 400
        assert client.post("/api/v1/token", json=credentials | {"appSecret": renewed}).status_code == 200
        assert client.get("/api/v1/clusters", headers=headers).status_code == 200
        run("sign-out ada@example.com")
        assert "has signed out" in client.get("/api/v1/clusters", headers=headers).json()["message"]
        again = client.post("/api/v1/token", json=body).json()["accessToken"]
        run("rotate-keys")
        assert client.get("/api/v1/clusters", headers={"Authorization": f"Bearer {again}"}).status_code == 200
        run("rotate-keys --revoke")
        assert client.get("/api/v1/clusters", headers={"Authorization": f"Bearer {again}"}).status_code == 401


def test_a_key_for_a_scraper_needs_no_password(folder: Path) -> None:
    run("create-user prometheus --no-password --role administrator")
    secret = told(run("create-access-key prometheus scraper"), "secret")
    with TestClient(create_app(Settings.load(folder / "metrics.toml"))) as client:
        headers = {"Authorization": f"Bearer {secret}"}
        assert client.get("/api/v1/users", headers=headers).status_code == 200
        listed = client.get("/api/v1/access-keys", headers=headers).json()["accessKeys"]
        run(f"revoke-access-key {listed[0]['id']}")
    assert "there are: none" in run("revoke-access-key x", code=2)


def test_groups_get_roles_and_tenants_are_apart(folder: Path) -> None:
    run("grant viewer --group gpu-users --in department:alpha/language")
    run("create-tenant other")
    run("create-user eve --tenant other --role administrator", PASSWORD="long enough")
    assert run("list-users") == ""
    assert run("list-users --tenant other") == "eve\tlocal\n"
    run("set-password eve --password another-one")
    run("delete-user eve")
    assert run("list-users --tenant other") == ""
    run("create-application robot")
    run("delete-application robot")
    assert run("list-applications") == ""
    assert "project-administrator" in run("list-roles")
    Control(f"sqlite:///{folder / 'data' / 'control.sqlite'}").close()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("create-user ada --password short", "a password has 8 to 1000 characters"),
        ("create-user ada --in cluster:alpha", "say which one with --role"),
        ("create-user ada --role viewer --in alpha", "write system, tenant, cluster:NAME"),
        ("create-user ada --role boss", "there is no role 'boss'"),
        ("create-user ada --tenant nowhere", "make one with create-tenant"),
        ("set-password nobody --password long-enough", "list-users tells which there are"),
        ("grant viewer", "one of --user, --group and --application"),
        ("grant viewer --application nothing", "list-applications tells which there are"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_mistakes_are_explained(command: str, said: str) -> None:
    assert said in " ".join(run(command, code=2).replace("│", "").split())
