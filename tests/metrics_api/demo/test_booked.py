"""The fleet's phenomena, where the ledger books them: the demo has something to show in every column."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from collectors.collect import collect
from collectors.prometheus import Prometheus
from metrics_api.demo.dcgm import energy_millijoules
from metrics_api.demo.fleet import CLUSTERS, DAY, HOUR
from metrics_api.demo.history import write_history
from queries.lake import Lake
from queries.settings import Cluster as Configured
from queries.window import HOUR as AN_HOUR
from queries.window import Window
from tests.booked import SECONDS, frame, stored
from tests.metrics_api.demo.pages import MONDAY
from tests.servers import prometheus

ALPHA, BETA = CLUSTERS

AROUND = 360
"""Seconds of history beyond an hour's ends, where samples stand into it and counters go on."""

CRASH = MONDAY + 2 * DAY + 15 * HOUR
DRAIN = MONDAY + 4 * DAY + 7 * HOUR
BEFORE_GAP = MONDAY + 6 * DAY + HOUR
GAP = BEFORE_GAP + 2 * HOUR
CUT = MONDAY + DAY


def free_evening() -> int:
    """When the stowaway's GPU is held by nobody all the time that it is there."""
    for day in range(7):
        evening = MONDAY + day * DAY + 20 * HOUR
        running = ALPHA.jobs(evening - AROUND, evening + HOUR + AROUND)
        if ALPHA.stowaway not in {(device.node, device.index) for job in running for device in job.devices}:
            return evening
    raise AssertionError("the stowaway is never alone")


def booked(name: str, hours: list[int], folder: Path) -> pd.DataFrame:
    """The hourly rows of a cluster, collected from a real Prometheus that has the history of these hours."""
    cluster = next(each for each in CLUSTERS if each.name == name)
    for hour in hours:
        write_history(cluster, hour - AROUND, hour + HOUR + AROUND, folder / "prometheus")
    lake = Lake(str(folder / "lake"))
    lake.create()
    with prometheus(folder) as server:
        source = Prometheus(Configured(name=name, prometheus=server.url))
        for hour in hours:
            start = datetime.fromtimestamp(hour, UTC)
            window = Window(start, start + AN_HOUR)
            assert all(done.is_written for done in collect(source, lake, window.hours(), clock=lambda: LATER))
    return frame(lake, Window(datetime.fromtimestamp(MONDAY, UTC), LATER), "hour")


LATER = datetime.fromtimestamp(MONDAY + 7 * DAY, UTC)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    alpha = booked("alpha", [free_evening(), CRASH, DRAIN], tmp_path_factory.mktemp("alpha"))
    beta = booked("beta", [CUT, BEFORE_GAP, GAP], tmp_path_factory.mktemp("beta"))
    found = pd.concat([alpha, beta])
    return found[found.kind == "gpu"]


def of(rows: pd.DataFrame, node: str, hour: int) -> pd.DataFrame:
    return rows[(rows.node == node) & (rows.time == pd.Timestamp(hour, unit="s", tz=UTC))]


def columns_of(rows: pd.DataFrame) -> dict[str, float]:
    """The columns in which anything was booked."""
    return {name.removesuffix("_seconds"): float(rows[name].sum()) for name in SECONDS if rows[name].sum() > 1e-6}


def test_every_column_has_something(rows: pd.DataFrame) -> None:
    assert set(columns_of(rows)) == {name.removesuffix("_seconds") for name in SECONDS}


def test_every_hour_of_every_gpu_is_booked_once(rows: pd.DataFrame) -> None:
    found = rows.groupby(["cluster", "time"])[SECONDS].sum().sum(axis=1)
    assert found.loc["alpha"].tolist() == pytest.approx([24 * HOUR] * 3)
    assert found.loc["beta"].tolist()[:-1] == pytest.approx([8 * HOUR] * 2)


def test_while_its_exporter_is_down_a_node_is_held_or_free(rows: pd.DataFrame) -> None:
    node, _ = ALPHA.exporter_crash
    found = columns_of(of(rows, node, CRASH))
    assert set(found) == {"held", "free"}
    assert sum(found.values()) == pytest.approx(8 * HOUR)
    others = rows[(rows.time == pd.Timestamp(CRASH, unit="s", tz=UTC)) & (rows.node != node)]
    assert "held" not in columns_of(others)


def test_a_drained_node_is_unavailable(rows: pd.DataFrame) -> None:
    node, _ = ALPHA.drain
    assert columns_of(of(rows, node, DRAIN)) == {"unavailable": pytest.approx(8 * HOUR)}


def test_work_that_no_pod_asked_for_is_unattributed(rows: pd.DataFrame) -> None:
    assert ALPHA.stowaway
    node, index = ALPHA.stowaway
    hidden = rows[rows.unattributed_seconds > 1e-6]
    assert set(hidden.gpu_uuid) == {ALPHA.devices(node)[index].uuid}
    assert 0.4 * HOUR < hidden.unattributed_seconds.sum() < 0.7 * HOUR


def test_a_gap_is_unknown(rows: pd.DataFrame) -> None:
    gap = rows[rows.time == pd.Timestamp(GAP, unit="s", tz=UTC)]
    assert set(columns_of(gap)) == {"unknown"}
    assert "unknown" not in columns_of(rows.drop(gap.index))


def test_in_a_gap_no_gpu_is_forgotten(rows: pd.DataFrame) -> None:
    gap = rows[rows.time == pd.Timestamp(GAP, unit="s", tz=UTC)]
    assert columns_of(gap) == {"unknown": pytest.approx(8 * HOUR)}


def test_a_cut_gpu_takes_its_energy_once(rows: pd.DataFrame) -> None:
    """Each of its instances repeats the GPU's counter."""
    found = of(rows, "beta-1", CUT)
    devices = BETA.devices("beta-1")
    for uuid in {device.uuid for device in devices if device.instance}:
        siblings = [device for device in devices if device.uuid == uuid]
        begin, end = energy_millijoules(BETA, siblings, np.array([CUT, CUT + HOUR], float))
        own = found[found.gpu_uuid == uuid]
        assert own[SECONDS].sum().sum() == pytest.approx(HOUR)
        assert own["energy_joules"].sum() == pytest.approx((end - begin) / 1000, rel=1e-6)


def test_workloads_are_told_from_their_submission_to_their_end(tmp_path: Path) -> None:
    hour = MONDAY + 6 * HOUR
    booked("alpha", [hour], tmp_path)
    told = stored(Lake(str(tmp_path / "lake")).workloads)
    jobs = {job.name: job for job in ALPHA.jobs(hour - AROUND, hour + HOUR + AROUND)}

    def times(state: str) -> dict[str, int]:
        rows = told[told.state == state]
        return dict(zip(rows.workload, rows.time.map(lambda time: int(time.timestamp())), strict=True))

    begun = {name: job.start for name, job in jobs.items() if hour <= job.start < hour + HOUR}
    assert begun
    assert times("running") == begun
    ended = {name: job.end for name, job in jobs.items() if hour <= job.end < hour + HOUR}
    assert ended
    assert times("ended") == ended
    rows = told[told.state == "ended"].set_index("workload")
    assert rows["reason"].to_dict() == {name: jobs[name].ending for name in ended}
    assert rows["queue_seconds"].to_dict() == {name: jobs[name].start - jobs[name].created for name in ended}
