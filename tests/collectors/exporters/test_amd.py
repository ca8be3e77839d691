from collections.abc import Iterator

import pytest

from collectors.exporters import amd
from queries.catalogue import READINGS
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, only, shares, sites

HELD, OTHER = "692409005408", "692409005511"
NODE = {"job": "amd", "instance": "mi300-01:5000"}
PODS = NODE | {"namespace": "monitoring", "pod": "amd-exporter-1"}
MEBIBYTE = 1048576
GROWS = {f"{prefix}gpu_energy_consumed{{{rest}": rate for prefix in ("", "amd_") for rest, rate in (("", 612e6),)}
"""612 watts, in microjoules a second."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    pods = "".join(
        f'kube_pod_info{{{labels}}} 1\nkube_pod_status_phase{{{labels},phase="Running"}} 1\n'
        f'kube_pod_container_resource_requests{{{labels},container="main",resource="amd_com_cpx_nps4"}} 1\n'
        for labels in (f'namespace="team-nlp",pod="small-{n}",uid="{n}",node="mi300-01"' for n in (0, 1))
    )
    resources = pods + (
        'kube_node_status_capacity{node="mi300-01",resource="amd_com_cpx_nps4"} 8\n'
        'kube_node_status_capacity{node="mi300-01",resource="amd_com_gpu"} 1\n'
    )
    with sites(
        tmp_path_factory.mktemp("amd"),
        pods=(Scrape("amd", NODE, GROWS),),
        renamed=(Scrape("amd", PODS, GROWS),),
        jobs=(Scrape("amd_slurm", NODE, GROWS),),
        partitioned=(Scrape("amd_partitioned", NODE, GROWS), Scrape(resources, {"job": "ksm", "instance": "ksm:8080"})),
    ) as running:
        yield running


@pytest.mark.parametrize("name", ["pods", "renamed", "jobs"])
def test_gpus_are_told_by_their_serial_numbers_with_or_without_a_prefix(site: Sites, name: str) -> None:
    rows = site.hour(name)
    row = gpu(rows, HELD)
    assert row[["node", "gpu"]].tolist() == ["mi300-01", "0"]
    assert shares(row) == {"busy": 0.97, "idle": 0.03}
    assert mean(row, "gpu_power_watts") == 612
    assert row["energy_joules"] == pytest.approx(612 * 3600)
    assert mean(row, "gpu_temperature_celsius") == 71
    assert mean(row, "gpu_memory_used_bytes") == 155000 * MEBIBYTE
    assert mean(row, "gpu_memory_total_bytes") == 196592 * MEBIBYTE
    assert mean(row, "gpu_dram_active_ratio") == pytest.approx(0.41)


def test_pods_hold_gpus(site: Sites) -> None:
    for name in ("pods", "renamed"):
        rows = site.hour(name)
        assert gpu(rows, HELD)[["namespace", "pod"]].tolist() == ["team-nlp", "rocm-train-0"]
        assert shares(gpu(rows, OTHER)) == {"free": 1}


def test_jobs_of_slurm_hold_gpus_and_one_that_is_not_healthy_is_out_of_work(site: Sites) -> None:
    rows = site.hour("jobs")
    assert gpu(rows, HELD)[["workload", "workload_kind", "user"]].tolist() == ["4829131", "SlurmJob", "ada"]
    assert shares(gpu(rows, OTHER)) == {"unavailable": 1}
    assert gpu(rows, OTHER)["reason"] == "fault"


def test_partitions_are_devices_of_which_nobody_knows_how_much_they_work(site: Sites) -> None:
    rows = site.hour("partitioned")
    first, second, third = (gpu(rows, HELD, number) for number in "012")
    assert first[["pod", "gpu_profile"]].tolist() == ["small-0", "cpx_nps4"]
    assert second["pod"] == "small-1"
    assert shares(first) == shares(second) == {"held": 1 / 8}
    assert shares(third) == {"free": 1 / 8}
    assert mean(second, "gpu_memory_used_bytes") == 20110 * MEBIBYTE
    assert third["measured_seconds"] == 0
    assert shares(only(rows, gpu_uuid=OTHER)) == {"free": 1}


def test_power_and_energy_of_partitions_count_once(site: Sites) -> None:
    of_gpu = site.hour("partitioned").query(f"gpu_uuid == '{HELD}'")
    assert of_gpu["capacity_seconds"].sum() == pytest.approx(3600)
    assert of_gpu["gpu_power_watts_integral"].sum() == pytest.approx(612 * 3600)
    assert of_gpu["energy_joules"].sum() == pytest.approx(612 * 3600)


def test_the_schedulers_partitions_are_the_exporters(site: Sites) -> None:
    rows = site.hour("partitioned")
    assert rows[rows.node == "mi300-01"]["capacity_seconds"].sum() == pytest.approx(2 * 3600)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"serial_number": "1"},
        {"hostname": "h"},
        {"serial_number": "1", "hostname": "h", "gpu_compute_partition_type": "CPX", "gpu_partition_id": "NA"},
        {"serial_number": "1", "hostname": "h", "gpu_compute_partition_type": "cpx", "gpu_partition_id": "'; drop"},
    ],
)
def test_a_device_that_cannot_be_told_is_not_booked(labels: dict[str, str]) -> None:
    assert amd.gpu(READINGS["amd", "gpu_used_vram"], labels) is None
    assert amd.fault(labels) is None


def test_a_gpu_that_does_not_say_how_it_is_cut_is_whole() -> None:
    row = amd.partition({"serial_number": "1", "hostname": "h", "gpu_partition_id": "NA"})
    assert row == {"gpu_uuid": "1", "gpu_instance": "", "gpu_profile": None}
