import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collectors.cli import app
from queries.control.clusters import NewCluster, register_cluster
from queries.control.database import Control
from queries.lake import Lake
from queries.settings import Settings
from tests.collectors.site import START, WINDOW, assert_whole, new_lake, site


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with site(tmp_path_factory.mktemp("site")) as address:
        yield address


def run(folder: Path, url: str, *arguments: str, store: str | None = None) -> Result:
    config = folder / "metrics.toml"
    path = store or str(folder / "lake")
    config.write_text(
        f'[store]\npath = "{path}"\n[[clusters]]\nname = "site"\nprometheus = "{url}"\n'
        '[[clusters]]\nname = "down"\nprometheus = "http://127.0.0.1:1"\n'
    )
    return CliRunner().invoke(app, [*arguments, "--config", str(config)])


FROM_TO = ("backfill", "--from", "2025-03-03", "--to", "2025-03-03T04:00:00Z")


def test_a_backfill_collects_what_it_can_and_tells_what_it_could_not(url: str, tmp_path: Path) -> None:
    done = run(tmp_path, url, *FROM_TO)
    assert done.exit_code == 2
    assert "4/4 hours" in done.output
    assert "cluster 'down': http://127.0.0.1:1 cannot be reached" in done.output
    assert_whole(new_lake(tmp_path))


def test_a_backfill_of_one_cluster_leaves_the_others_alone(url: str, tmp_path: Path) -> None:
    done = run(tmp_path, url, *FROM_TO, "--cluster", "site")
    assert done.exit_code == 0, done.output
    assert_whole(new_lake(tmp_path))
    again = run(tmp_path, url, *FROM_TO, "--cluster", "site")
    assert "0/0 hours" in again.output


def test_a_cluster_that_was_registered_is_known_to_every_command(url: str, tmp_path: Path) -> None:
    new_lake(tmp_path)
    config = tmp_path / "metrics.toml"
    config.write_text(f'[store]\npath = "{tmp_path / "lake"}"\n')
    control = Control(Settings.load(config).store.control_url)
    register_cluster(control, NewCluster("site", 1, "ada", collection={"prometheus": url}))
    secret = {"prometheus": url, "bearer_token": "env:CLUSTER_SECRET_UNSET"}
    register_cluster(control, NewCluster("secretive", 1, "ada", collection=secret))
    done = CliRunner().invoke(app, [*FROM_TO, "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "cluster 'secretive' is left out" in done.output
    assert_whole(new_lake(tmp_path))
    said = CliRunner().invoke(app, ["doctor", "--json", "--config", str(config)]).stdout
    assert [each["name"] for each in json.loads(said)["clusters"]] == ["site"]


def test_once_collects_the_open_hour_and_ends(url: str, tmp_path: Path) -> None:
    done = run(tmp_path, url, "once", "--cluster", "site")
    assert done.exit_code == 0, done.output
    assert "site: collected " in done.output
    assert Lake(str(tmp_path / "lake")).snapshot().collected_until()["site"] > WINDOW.end


def test_upkeep_tells_what_it_did(url: str, tmp_path: Path) -> None:
    for first, last in (("2025-03-03", "2025-03-03T02:00:00Z"), ("2025-03-03T02:00:00Z", "2025-03-03T04:00:00Z")):
        run(tmp_path, url, "backfill", "--from", first, "--to", last, "--cluster", "site")
    done = run(tmp_path, url, "upkeep")
    assert done.exit_code == 0, done.output
    assert "dropped the raw rows of site of 2025-03-03" in done.output
    assert "put the hour rows of site" in done.output
    assert "nothing was due" in run(tmp_path, url, "upkeep").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backfill", "--from", "yesterday"), "'yesterday' is not a time"),
        (("backfill", "--from", "2025-03-04", "--to", "2025-03-03"), "is not after --from"),
        (("backfill", "--from", "2999-01-01", "--to", "2999-01-02"), "is in the future"),
        (("once", "--cluster", "gamma"), "cluster 'gamma' is neither configured nor registered; there are: site, down"),
        (("once", "--cluster", "down"), "cannot be reached"),
    ],
)
def test_a_mistake_ends_with_code_2_and_says_what_would_be_right(
    arguments: tuple[str, ...], said: str, url: str, tmp_path: Path
) -> None:
    done = run(tmp_path, url, *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split()).replace("│ ", "")


def test_a_lake_that_cannot_be_written_is_named(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path, url, "once", store=str(tmp_path / "file"))
    assert done.exit_code == 2
    assert "store.path: cannot write to" in done.output


def test_no_clusters_is_a_mistake(tmp_path: Path) -> None:
    config = tmp_path / "metrics.toml"
    config.write_text(f'[store]\npath = "{tmp_path}"\n')
    done = CliRunner().invoke(app, ["once", "--config", str(config)])
    assert done.exit_code == 2
    assert "no cluster is configured or registered; add one: [[clusters]]" in done.output


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    config = tmp_path / "metrics.toml"
    config.write_text("[collect]\nticks = '1m'\n")
    done = CliRunner().invoke(app, ["once", "--config", str(config)])
    assert done.exit_code == 2
    assert "unknown key 'collect.ticks'; did you mean 'tick'?" in done.output
    assert START
