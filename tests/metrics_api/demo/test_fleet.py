import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_api.demo.dcgm import energy_millijoules, holdings
from metrics_api.demo.fleet import CLUSTERS, DAY, HOUR, WEEK, Cluster, Device, Floats, Job, power_watts, utilization
from metrics_api.demo.targets import exporters
from tests.metrics_api.demo.pages import MONDAY, page

ALPHA, BETA = CLUSTERS
MINUTES = np.arange(MONDAY, MONDAY + WEEK, 60.0)

each_cluster = pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
times = st.integers(MONDAY - 52 * WEEK, MONDAY + 520 * WEEK)


def devices(cluster: Cluster) -> list[Device]:
    return [device for node in cluster.nodes for device in cluster.devices(node)]


def jobs(cluster: Cluster) -> list[Job]:
    return cluster.jobs(MONDAY, MONDAY + WEEK)


def holders(cluster: Cluster, device: Device, minutes: Floats = MINUTES) -> list[tuple[Job | None, Floats]]:
    held = holdings(device, cluster.jobs(minutes[0], minutes[-1] + 1), minutes)
    return [(holder, minutes[within]) for holder, within in held]


def pages(cluster: Cluster, time: float) -> str:
    return "".join(page(exporter, time) for exporter in exporters(cluster))


@each_cluster
def test_the_state_follows_from_the_time_alone(cluster: Cluster) -> None:
    """Whatever was asked before: here a lot, in the other process nothing, and its hashes are others."""
    time = MONDAY + 9 * HOUR + 20 * 60
    for other in (time + 2 * HOUR, time - 60):
        pages(cluster, other)
    program = f"""
from metrics_api.demo.fleet import CLUSTERS
from tests.metrics_api.demo.test_fleet import pages
print(pages(CLUSTERS[{CLUSTERS.index(cluster)}], {time}), end="")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == pages(cluster, time)


@each_cluster
@given(time=times, width=st.integers(1, 2 * WEEK))
def test_a_job_is_found_in_every_interval_that_it_runs_in(cluster: Cluster, time: int, width: int) -> None:
    wide = cluster.jobs(time - width, time + width)
    assert cluster.jobs(time, time + 1) == [job for job in wide if job.start < time + 1 and job.end > time]


@each_cluster
def test_an_interval_is_half_open_and_so_is_a_job(cluster: Cluster) -> None:
    for job in jobs(cluster):
        assert job in cluster.jobs(job.start, job.start + 1)
        assert job in cluster.jobs(job.end - 1, job.end)
        assert job not in cluster.jobs(job.start - 60, job.start)
        assert job not in cluster.jobs(job.end, job.end + 60)


@each_cluster
@given(time=times)
def test_a_device_is_held_by_at_most_one_pod(cluster: Cluster, time: int) -> None:
    running = cluster.jobs(time, time + 1)
    held = Counter(device for job in running for device in job.devices)
    assert set(held.values()) <= {1}
    assert set(held) <= set(devices(cluster))
    assert all(device.node == job.node for job in running for device in job.devices)
    assert len({(job.namespace, job.pod) for job in running}) == len({job.uid for job in running}) == len(running)


def test_there_are_two_clusters_with_nodes_gpus_and_prometheus_settings_of_their_own() -> None:
    assert [cluster.name for cluster in CLUSTERS] == ["alpha", "beta"]
    assert not {device.uuid for device in devices(ALPHA)} & {device.uuid for device in devices(BETA)}
    assert not set(ALPHA.nodes) & set(BETA.nodes)
    assert {cluster.honors_labels for cluster in CLUSTERS} == {True, False}


@each_cluster
def test_a_gpu_is_whole_or_cut_into_at_most_seven_slices(cluster: Cluster) -> None:
    slices: Counter[tuple[str, str, int]] = Counter()
    for device in devices(cluster):
        slices[device.node, device.uuid, device.index] += device.slices
        assert bool(device.instance) == bool(device.profile) == (device.slices < 7)
    assert max(slices.values()) == 7
    assert len({uuid for _, uuid, _ in slices}) == len({(node, index) for node, _, index in slices}) == len(slices)
    assert len({device.key for device in devices(cluster)}) == len(devices(cluster))


def test_there_are_whole_gpus_gpus_cut_by_mig_and_slices_that_nobody_cut() -> None:
    assert {device.profile for device in devices(ALPHA)} == {""}
    slices = Counter[str]()
    for device in BETA.devices("beta-1"):
        slices[device.uuid] += device.slices
    assert sorted(slices.values()) == [5, 7, 7, 7]
    assert {device.profile for device in devices(BETA)} == {"", "1g.10gb", "2g.20gb", "3g.40gb"}


@each_cluster
def test_jobs_come_and_go(cluster: Cluster) -> None:
    for device in devices(cluster):
        found = [holder for holder, _ in holders(cluster, device)]
        assert None in found
        assert len(found) > 3
    assert {job.work for job in jobs(cluster)} == {"training", "inference", "notebook"}
    assert {job.project for job in jobs(cluster)} == set(cluster.projects)
    assert {job.user for job in jobs(cluster)} == set(cluster.users)


@each_cluster
def test_every_work_loads_its_devices_in_its_own_way(cluster: Cluster) -> None:
    means: dict[str, list[float]] = {}
    for device in devices(cluster):
        for holder, minutes in holders(cluster, device):
            load = utilization(cluster, device, holder, minutes)
            assert load.min() >= 0
            assert load.max() <= 1
            means.setdefault(holder.work if holder else "nothing", []).append(float(load.mean()))
    assert 0.7 < np.mean(means["training"]) < 0.95
    assert 0.2 < np.mean(means["inference"]) < 0.6
    assert np.mean(means["notebook"]) < 0.1
    assert np.mean(means["nothing"]) < 0.01


@each_cluster
def test_idle_holders_do_nothing_most_of_the_time(cluster: Cluster) -> None:
    idle = [
        float((utilization(cluster, device, holder, minutes) == 0).mean())
        for device in devices(cluster)
        for holder, minutes in holders(cluster, device)
        if holder and holder.work == "notebook" and len(minutes) > 180
    ]
    assert idle
    assert min(idle) > 0.8
    assert max(idle) < 1


def test_something_works_on_a_gpu_that_no_pod_asked_for() -> None:
    (stowaway,) = (device for device in devices(ALPHA) if (device.node, device.index) == ALPHA.stowaway)
    hidden = [minutes for holder, minutes in holders(ALPHA, stowaway) if holder is None]
    loads = np.concatenate([utilization(ALPHA, stowaway, None, minutes) for minutes in hidden])
    assert 60 <= (loads > 0.4).sum() <= 7 * 120
    others = [device for cluster in CLUSTERS for device in devices(cluster) if device != stowaway]
    assert all(not utilization(ALPHA, device, None, MINUTES).any() for device in others)


@each_cluster
def test_every_week_a_node_is_drained_an_exporter_crashes_and_beta_has_a_gap(cluster: Cluster) -> None:
    node, drain = cluster.drain
    drained = [minute for minute in MINUTES if cluster.is_drained(node, minute)]
    assert drain.end - drain.start == len(drained) * 60
    assert not [job for job in cluster.jobs(drained[0] + 600, drained[-1]) if job.node == node]
    for other in set(cluster.nodes) - {node}:
        assert not any(cluster.is_drained(other, minute) for minute in drained)
    crash, outage = cluster.exporter_crash
    assert crash in cluster.nodes
    assert HOUR / 2 <= outage.end - outage.start < 4 * HOUR
    assert bool(cluster.gap) == (cluster is BETA)
    for event in (drain, outage, *([cluster.gap] if cluster.gap else [])):
        assert [event.holds(minute + WEEK) for minute in MINUTES] == [event.holds(minute) for minute in MINUTES]
        assert sum(event.holds(minute) for minute in MINUTES) * 60 == event.end - event.start


@each_cluster
def test_the_energy_counter_is_the_power_summed_since_monday(cluster: Cluster) -> None:
    day = np.arange(MONDAY + DAY - 2 * HOUR, MONDAY + DAY + 2 * HOUR, 60.0)
    for node in cluster.nodes:
        for uuid in {device.uuid for device in cluster.devices(node)}:
            siblings = [device for device in cluster.devices(node) if device.uuid == uuid]
            load = np.zeros(len(day))
            for device in siblings:
                for holder, within in holdings(device, cluster.jobs(day[0], day[-1] + 1), day):
                    load[within] += utilization(cluster, device, holder, day[within]) * device.slices / 7
            energy = energy_millijoules(cluster, siblings, day)
            watts = power_watts(load, siblings[0], day)
            assert np.diff(energy) / 60_000 == pytest.approx(watts[:-1], abs=1e-3)
            within = energy_millijoules(cluster, siblings, day + 20) - energy
            assert within / 20_000 == pytest.approx(watts, abs=1e-3)
            assert watts.min() > 30
            assert watts.max() < 700


def test_the_energy_counter_begins_again_when_the_driver_is_loaded_on_monday() -> None:
    siblings = BETA.devices("beta-2")[:1]
    around = np.arange(MONDAY + WEEK - 180, MONDAY + WEEK + 180, 60.0)
    energy = energy_millijoules(BETA, siblings, around)
    assert energy[3] == 0
    assert [later > earlier for earlier, later in pairwise(energy)] == [True, True, False, True, True]
    alone = [energy_millijoules(BETA, siblings, np.array([time]))[0] for time in around]
    assert alone == energy.tolist()
