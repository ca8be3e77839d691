from collections.abc import Iterator

import pytest

from collectors.exporters import dcgm_1
from queries.catalogue import READINGS
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, shares, sites

BUSY, OTHER = "GPU-5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01", "GPU-b81e6f02-3d57-4f6a-8c90-61a7de54b702"
"""The two GPUs of every page."""

MEBIBYTE = 1048576

NODE = {"job": "dcgm", "instance": "gpu-a100-01:9400"}
GROWS = {
    f'{name}{{gpu="{number}"': rate
    for name in ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "dcgm_total_energy_consumption")
    for number, rate in ((0, 347_000.0), (1, 61_000.0))
}
"""What the energy counters (millijoules) grow by: 347 and 61 watts."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    names = ("dcgm_1x", "dcgm_old_namespace", "dcgm_2x", "dcgm_4x", "dcgm_mig", "dcgm_hpc_job", "dcgm_shared")
    pods = NODE | {"namespace": "monitoring", "pod": "dcgm-exporter-x7"}
    up = 'up{job="dcgm",instance="gpu-a100-01:9400",namespace="monitoring",pod="dcgm-exporter-x7"} 1\n'
    with sites(
        tmp_path_factory.mktemp("dcgm"),
        **{name: (Scrape(name, NODE, GROWS),) for name in names},
        renamed=(Scrape("dcgm_4x", pods, GROWS), Scrape(up, {})),
        faulty=(Scrape("dcgm_4x", NODE, GROWS), Scrape("dcgm_derived", NODE)),
        upgraded=(Scrape("dcgm_2x", NODE, GROWS, until=30), Scrape("dcgm_4x", NODE, GROWS, since=30)),
    ) as running:
        yield running


@pytest.mark.parametrize("page", ["dcgm_1x", "dcgm_old_namespace", "dcgm_2x", "dcgm_4x", "renamed", "upgraded"])
def test_every_version_tells_the_same_of_two_gpus(site: Sites, page: str) -> None:
    rows = site.hour(page)
    busy, other = gpu(rows, BUSY), gpu(rows, OTHER)
    utilization = 0.97 if page == "dcgm_old_namespace" else 0.961204
    assert shares(busy) == {"busy": utilization, "idle": 1 - utilization}
    assert shares(other) == {"free": 1}
    assert busy[["node", "namespace", "pod", "gpu"]].tolist() == ["gpu-a100-01", "team-vision", "train-resnet-0", "0"]
    assert other[["pod", "gpu"]].tolist() == ["", "1"]
    assert busy["energy_joules"] == pytest.approx(347 * 3600, rel=2e-4)
    assert other["energy_joules"] == pytest.approx(61 * 3600, rel=2e-4)
    assert mean(busy, "gpu_power_watts") == pytest.approx(347.218)
    assert mean(busy, "gpu_memory_used_bytes") == 71765 * MEBIBYTE
    reserved = {"dcgm_4x": 1021, "renamed": 1021}.get(page)
    if page != "upgraded":
        assert mean(busy, "gpu_memory_total_bytes") == (71765 + 8862 + (reserved or 0)) * MEBIBYTE
    if page != "dcgm_old_namespace":
        assert mean(busy, "gpu_temperature_celsius") == 64
        assert mean(busy, "gpu_tensor_active_ratio") == pytest.approx(0.312877)
        assert mean(busy, "gpu_dram_active_ratio") == pytest.approx(0.402118)


def test_the_field_of_the_multiprocessors_is_read_where_it_is_exported(site: Sites) -> None:
    assert mean(gpu(site.hour("dcgm_4x"), BUSY), "gpu_sm_active_ratio") == pytest.approx(0.88402)


def test_older_names_are_read_whether_prometheus_honours_labels_or_not(site: Sites) -> None:
    for honoured in (True, False):
        rows = site.hour("dcgm_1x", honor_labels=honoured)
        assert gpu(rows, BUSY)[["namespace", "pod"]].tolist() == ["team-vision", "train-resnet-0"]


def test_instances_weigh_their_slices_and_power_counts_once(site: Sites) -> None:
    rows = site.hour("dcgm_mig")
    one, two, three = (gpu(rows, BUSY, number) for number in ("7", "3", "2"))
    assert shares(one) == {"busy": 0.40211 / 7, "idle": 0.59789 / 7}
    assert shares(two) == {"busy": 0.99812 * 2 / 7, "idle": 0.00188 * 2 / 7}
    assert shares(three) == {"free": 3 / 7}
    assert one[["pod", "gpu_profile"]].tolist() == ["notebook-ada-0", "1g.10gb"]
    assert mean(one, "gpu_memory_used_bytes") == 3210 * MEBIBYTE
    of_gpu = rows[rows.gpu_uuid == BUSY]
    assert of_gpu["capacity_seconds"].sum() == pytest.approx(3600)
    assert of_gpu["energy_joules"].sum() == pytest.approx(347 * 3600)
    assert of_gpu["gpu_power_watts_integral"].sum() == pytest.approx(241.377 * 3600)


def test_jobs_of_slurm_hold_gpus_and_share_them(site: Sites) -> None:
    rows = site.hour("dcgm_hpc_job")
    busy = gpu(rows, BUSY)
    assert busy[["node", "workload", "workload_kind"]].tolist() == ["hpc-gpu-07", "482913", "SlurmJob"]
    assert shares(busy) == {"busy": 0.961204, "idle": 1 - 0.961204}
    both = rows[rows.gpu_uuid == OTHER]
    assert sorted(both["workload"]) == ["482920", "482921_4"]
    assert both["idle_seconds"].tolist() == [pytest.approx(1800), pytest.approx(1800)]
    assert both["energy_joules"].sum() == pytest.approx(61 * 3600)


def test_pods_that_share_a_gpu_are_told_apart_by_their_processes(site: Sites) -> None:
    rows = site.hour("dcgm_shared", utilization_source="kernel")
    of_gpu = rows[rows.gpu_uuid == BUSY].set_index("pod")
    rest = (1 - 0.61 - 0.27) / 3
    assert of_gpu["capacity_seconds"].to_dict() == {
        "llm-0": pytest.approx((0.61 + rest) * 3600),
        "llm-1": pytest.approx((0.27 + rest) * 3600),
        "llm-2": pytest.approx(rest * 3600),
    }
    assert of_gpu["busy_seconds"].sum() == pytest.approx(0.88 * 3600)
    assert of_gpu["energy_joules"].sum() == pytest.approx(347 * 3600)


def test_a_gpu_that_failed_its_health_check_is_out_of_work_and_a_warning_is_none(site: Sites) -> None:
    rows = site.hour("faulty")
    assert shares(gpu(rows, OTHER)) == {"unavailable": 1}
    assert gpu(rows, OTHER)["reason"] == "fault"
    assert shares(gpu(rows, BUSY)) == {"busy": 0.961204, "idle": 1 - 0.961204}


@pytest.mark.parametrize("labels", [{}, {"uuid": ""}, {"uuid": "GPU-a", "GPU_I_ID": "1", "GPU_I_PROFILE": "'; drop"}])
def test_a_device_of_version_1_that_cannot_be_told_is_not_booked(labels: dict[str, str]) -> None:
    assert dcgm_1.gpu(READINGS["dcgm_1", "dcgm_fb_used"], labels) is None
