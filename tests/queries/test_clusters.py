from pathlib import Path

import pytest

from queries.clusters import Clusters
from queries.control.clusters import NewCluster, delete_cluster, register_cluster
from queries.control.database import Control
from queries.ids import cluster_id
from queries.settings import Settings, SettingsError

URL = "http://127.0.0.1:1"


def settings_for(folder: Path) -> Settings:
    clusters = [{"name": "alpha", "prometheus": URL, "step": "30s"}]
    return Settings.model_validate({"store": {"path": str(folder)}, "clusters": clusters})


def new(name: str, **collection: object) -> NewCluster:
    return NewCluster(name, 1, "ada", collection={"prometheus": URL, **collection})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def control(settings: Settings) -> Control:
    return Control(settings.store.control_url)


def test_the_roll_has_the_configured_before_the_registered_and_follows(settings: Settings, control: Control) -> None:
    clusters = Clusters(settings)
    assert clusters.is_stale
    assert not clusters.refresh()
    assert not clusters.is_stale
    register_cluster(control, new("beta", step="15s"))
    assert clusters.refresh()
    assert clusters.roll.names == ("alpha", "beta")
    assert clusters.roll.cluster("beta").step.total_seconds() == 15
    assert not clusters.refresh()
    delete_cluster(control, cluster_id("beta"))
    assert clusters.refresh()
    assert (clusters.roll.names, clusters.roll.deleted) == (("alpha",), frozenset({"beta"}))
    with pytest.raises(SettingsError, match="neither configured nor registered; there are: alpha"):
        clusters.roll.cluster("beta")


def test_the_configuration_file_counts_whatever_was_registered(settings: Settings, control: Control) -> None:
    register_cluster(control, new("alpha", step="15s"))
    delete_cluster(control, cluster_id("alpha"))
    clusters = Clusters(settings)
    clusters.refresh()
    assert clusters.roll.collected == settings.clusters
    assert clusters.roll.deleted == frozenset()


def test_secrets_are_looked_up_for_collectors_alone(
    settings: Settings, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_cluster(control, new("beta", bearer_token="env:CLUSTER_SECRET_BETA"))
    api, collectors = Clusters(settings), Clusters(settings, with_secrets=True)
    for clusters in (api, collectors):
        clusters.refresh()
    token = api.roll.cluster("beta").bearer_token
    assert token
    assert token.get_secret_value() == "env:CLUSTER_SECRET_BETA"
    with pytest.raises(SettingsError, match="CLUSTER_SECRET_BETA' is not set"):
        collectors.roll.cluster("beta")
    for secret in ("first", "second"):  # which is noticed, too
        monkeypatch.setenv("CLUSTER_SECRET_BETA", secret)
        assert collectors.refresh()
        token = collectors.roll.cluster("beta").bearer_token
        assert token
        assert token.get_secret_value() == secret


def test_one_that_cannot_be_read_does_not_hide_the_others(settings: Settings, control: Control) -> None:
    register_cluster(control, new("beta", step="7s"))
    register_cluster(control, new("gamma"))
    clusters = Clusters(settings)
    clusters.refresh()
    assert [cluster.name for cluster in clusters.roll.collected] == ["alpha", "gamma"]
    assert "a step divides one hour" in clusters.roll.unusable["beta"]


def test_a_database_that_cannot_be_read_changes_nothing(settings: Settings, control: Control, tmp_path: Path) -> None:
    register_cluster(control, new("beta"))
    clusters = Clusters(settings)
    clusters.refresh()
    for path in tmp_path.glob("control.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    assert not clusters.refresh()
    assert clusters.roll.names == ("alpha", "beta")


def test_who_collects_makes_no_database(settings: Settings, tmp_path: Path) -> None:
    clusters = Clusters(settings, with_secrets=True)
    clusters.refresh()
    assert clusters.roll.names == ("alpha",)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_cannot_be_opened_leaves_the_configured(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "control.sqlite").write_bytes(b"no database" * 1000)
    clusters = Clusters(settings)
    clusters.refresh()
    assert clusters.roll.names == ("alpha",)
