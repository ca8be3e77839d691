from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from queries.settings import Settings, SettingsError

CLUSTER = '[[clusters]]\nname = "alpha"\nprometheus = "http://127.0.0.1:9090"\n'

PRICE = '[[prices]]\ngpu_model = "NVIDIA H100*"\nper_gpu_hour = 2.4\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "metrics.toml"


def refused(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        Settings.load(file)
    return str(error.value)


def test_a_file_is_read_with_defaults_for_the_rest(file: Path) -> None:
    file.write_text(f'[store]\npath = "/lake"\n{CLUSTER}step = "30s"\n')
    settings = Settings.load(file)
    assert settings.store.path == "/lake"
    assert settings.clusters[0].step == timedelta(seconds=30)
    assert settings.clusters[0].honor_labels == "auto"
    assert settings.server.port == 8080
    assert settings.auth.mode == "required"


def test_prices_and_departments_are_dated(file: Path) -> None:
    file.write_text(
        f"{PRICE}currency = 'EUR'\nvalid_from = 2026-07-01\ntz = 'Europe/Berlin'\n{PRICE}"
        "[[departments]]\nname = 'research'\nprojects = ['llm-*']\nvalid_until = 2026-07-01T00:00:00Z\n"
    )
    settings = Settings.load(file)
    assert settings.prices[0].since == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert [price.currency for price in settings.prices] == ["EUR", None]
    assert settings.departments[0].until == datetime(2026, 7, 1, tzinfo=UTC)


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[server]\nport = 1\nhost = "::1"\n')
    monkeypatch.setenv("METRICS_API_SERVER__PORT", "9000")
    settings = Settings.load(file)
    assert settings.server.port == 9000
    assert settings.server.host == "::1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nprot = 1", "unknown key 'server.prot'; did you mean 'port'?"),
        ("[sevrer]\nport = 1", "unknown key 'sevrer'; did you mean 'server'?"),
        ("[server]\nport = 99999", "server.port = 99999"),
        ("[collect]\ntick = 'soon'", "collect.tick = 'soon'"),
        ("[auth]\nmode = 'none'", "auth.mode = 'none'"),
        (f"{CLUSTER}stpe = '60s'", "unknown key 'clusters.0.stpe'; did you mean 'step'?"),
        (f"{CLUSTER}step = '7m'", "a step divides one hour"),
        (f"{CLUSTER}{CLUSTER}", "alpha appears more than once"),
        (f"{CLUSTER}match = {{ 'a-b' = 'c' }}", "clusters.0.match: 'a-b' is not the name of a label"),
        (f"{CLUSTER}match = {{ __name__ = 'up' }}", "'__name__' is not the name of a label"),
        (f"{CLUSTER}match = {{ cluster = 1 }}", "clusters.0.match.cluster = 1"),
        (f"{CLUSTER}ca = '/nowhere'", "there is no such file"),
        ("[[clusters]]\nname = 'A/../b'\nprometheus = 'http://x'", "clusters.0.name = 'A/../b'"),
        ("[[clusters]]\nname = 'a'\nprometheus = '127.0.0.1:9090'", "write the address of a Prometheus"),
        ("[[clusters]]\nname = 'a'", "clusters.0.prometheus"),
        (
            f"[store.retention]\nrollups = '7d'\n{CLUSTER}",
            "metrics.toml: the backfill of cluster 'alpha' (30d) is longer than store.retention.rollups (7d)",
        ),
        (f"{CLUSTER}carbon_intensity = -1", "clusters.0.carbon_intensity = -1"),
        ("[[prices]]\nper_gpu_hour = 1", "prices.0.gpu_model"),
        (f"{PRICE}per_gpu_huor = 1", "unknown key 'prices.0.per_gpu_huor'; did you mean 'per_gpu_hour'?"),
        (PRICE.replace("2.4", "-2.4"), "prices.0.per_gpu_hour = -2.4"),
        (PRICE.replace("2.4", "nan"), "prices.0.per_gpu_hour = nan"),
        (f"{PRICE}currency = 'euro'", "prices.0.currency = 'euro'"),
        (
            f"{PRICE}currency = 'EUR'\n{PRICE}currency = 'USD'\nvalid_from = 2026-07-01",
            "prices: a price list has one currency; here are EUR, USD",
        ),
        (
            f"{PRICE}{PRICE}valid_from = 2026-07-01\n{PRICE}valid_from = 2026-07-01T02:00:00+02:00",
            "prices: two prices of gpu_model 'NVIDIA H100*' begin at 2026-07-01T00:00:00Z; keep one, or let one begin",
        ),
        (
            f"{PRICE}valid_from = 2026-07-01T00:15:00Z",
            "prices.0: valid_from is 2026-07-01T00:15:00Z; write a full hour",
        ),
        (f"{PRICE}tz = 'Nowhere'", "prices.0.tz = 'Nowhere': write the name of a time zone"),
        ("[[departments]]\nname = 'a'\nprojects = []", "departments.0.projects"),
        (
            "[[departments]]\nname = 'a'\nprojects = ['x']\n[[departments]]\nname = 'b'\nprojects = ['y', 'x']",
            "departments: project 'x' is given to two departments from 1970-01-01T00:00:00Z on",
        ),
        ("port = ", "metrics.toml"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(file: Path, text: str, said: str) -> None:
    assert said in refused(file, text)


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    said = refused(file, "[server]\nprot = 1\n[auth]\nmode = 'x'").splitlines()
    assert len(said) == 2


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"metrics\.toml: there is no such configuration file"):
        Settings.load(file)


@pytest.mark.parametrize("name", ["METRICS_API_SERVER__PROT", "METRICS_API_SEVRER"])
def test_an_unknown_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=r"unknown (variable|key)"):
        Settings.load(None)


def test_secrets_come_from_files_and_variables(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = file.with_name("secret")
    secret.write_text("from-a-file\n")
    monkeypatch.setenv("TOKEN", "from-a-variable")
    other = CLUSTER.replace("alpha", "beta")
    file.write_text(f'{CLUSTER}bearer_token = "file:{secret}"\n{other}bearer_token = "env:TOKEN"\n')
    tokens = [cluster.bearer_token for cluster in Settings.load(file).clusters]
    assert [token.get_secret_value() for token in tokens if token] == ["from-a-file", "from-a-variable"]


def test_a_secret_is_never_told(file: Path) -> None:
    said = refused(
        file, f'{CLUSTER}bearer_token = "env:NOT_SET"\nbasic_auth = {{ username = "u", password = ["hush"] }}'
    )
    assert "'NOT_SET' is not set" in said
    assert "hush" not in said
