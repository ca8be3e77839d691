from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import select

from queries.control.database import Control
from queries.control.tables import Cluster, Project
from queries.datasets import WORKLOADS
from queries.discovery import PAUSE_SECONDS, WHOLE_SECONDS, Discovery
from queries.engine import Engine
from queries.lake import Lake
from queries.window import HOUR, Window
from tests.queries.test_question import HOURS, drawn
from tests.served import settings_for

OLD = datetime(2025, 3, 3, tzinfo=UTC)
RECENT = Window.hour_of(datetime.now(UTC) - timedelta(hours=6)).start


class Site:
    """A lake and a control database, looked through at times that a test says."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.lake = Lake(str(folder))
        self.lake.create()
        self.control = Control(f"sqlite:///{folder / 'control.sqlite'}")
        self.engine = Engine(self.lake)
        self.discovery = Discovery(self.control, self.engine, settings_for(folder), lambda: self.now)

    def collect(self, cluster: str, start: datetime) -> None:
        booked = drawn(cluster, 2, 0.5, start).book(HOURS)
        for hour in Window(start, start + HOURS * HOUR).hours():
            self.lake.replace(hour, booked.of(hour))

    def submit(self, cluster: str, project: str, time: datetime) -> None:
        """A workload that waits, and never held a GPU."""
        row = {"cluster": cluster, "period": f"{time:%Y-%m}", "window_start": time, "time": time, "project": project}
        self.lake.workloads.append(pa.Table.from_pylist([row], schema=WORKLOADS.schema))

    def known(self) -> set[tuple[str, str | None]]:
        """The clusters, and their projects."""
        chosen = select(Cluster.name, Project.name).outerjoin(Project)
        with self.control.session() as session:
            return {(cluster, project) for cluster, project in session.execute(chosen)}

    def look(self, seconds_later: float) -> set[tuple[str, str | None]]:
        self.now += seconds_later
        self.discovery.run()
        return self.known()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.engine.close()
    site.control.close()


def test_clusters_of_the_settings_are_there_from_the_start(site: Site) -> None:
    assert site.known() == {("alpha", None), ("beta", None)}


def test_what_is_in_the_lake_appears(site: Site) -> None:
    site.collect("gamma", OLD)
    site.submit("gamma", "waits", OLD)
    assert {("gamma", "a"), ("gamma", "b"), ("gamma", "waits")} <= site.look(0)


def test_it_is_looked_for_now_and_then(site: Site) -> None:
    site.look(0)
    site.collect("gamma", RECENT)
    assert ("gamma", "a") not in site.look(PAUSE_SECONDS - 1)
    assert ("gamma", "a") in site.look(1)


def test_what_a_backfill_adds_is_found_within_the_hour(site: Site) -> None:
    site.collect("alpha", RECENT)
    site.look(0)
    site.collect("gamma", OLD)
    assert ("gamma", "a") not in site.look(PAUSE_SECONDS)
    assert ("gamma", "a") in site.look(WHOLE_SECONDS)
