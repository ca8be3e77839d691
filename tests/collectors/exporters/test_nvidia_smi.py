from collections.abc import Iterator

import pytest

from collectors.exporters import nvidia_smi
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, shares, sites

WHOLE, CUT = "GPU-5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01", "GPU-b81e6f02-3d57-4f6a-8c90-61a7de54b702"
NODE = {"job": "smi", "instance": "gpu-01:9835"}
GROWS = {
    'nvidia_smi_energy_joules_total{uuid="5f0d1c9e': 547.0,
    'nvidia_smi_energy_joules_total{uuid="b81e6f02': 241.0,
}
BROKEN = 'nvidia_smi_gpu_recovery_action{uuid="5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01"} 1\n'
IDLE = BROKEN + 'nvidia_smi_utilization_gpu_ratio{uuid="5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01"} 0\n'
SLURM = 'slurm_job_power_gpu{gpu="0",slurmjobid="7",user="ada"} 500000\n'
SLURM += 'slurm_job_memory_usage_gpu{gpu="0",slurmjobid="7",user="ada"} 1e9\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("smi"),
        plain=(Scrape("nvidia_smi", NODE, GROWS),),
        broken=(Scrape(IDLE, NODE),),
        slurm=(Scrape("nvidia_smi", NODE, GROWS), Scrape(SLURM, {"job": "slurm-job", "instance": "gpu-01:9798"})),
    ) as running:
        yield running


def test_it_tells_how_gpus_work_and_names_no_holders(site: Sites) -> None:
    row = gpu(site.hour("plain"), WHOLE)
    assert row[["node", "gpu", "gpu_model", "pod"]].tolist() == ["gpu-01", "0", "NVIDIA H100 80GB HBM3", ""]
    assert shares(row) == {"unattributed": 0.97, "unknown": 0.03}
    assert mean(row, "gpu_power_watts") == pytest.approx(547.22)
    assert row["energy_joules"] == pytest.approx(547 * 3600)
    assert mean(row, "gpu_memory_used_bytes") == 75727765504
    assert mean(row, "gpu_memory_total_bytes") == 85520809984
    assert mean(row, "gpu_temperature_celsius") == 64


def test_instances_have_a_share_of_their_gpus_power(site: Sites) -> None:
    rows = site.hour("plain")
    one = gpu(rows, CUT, "7")
    assert one[["gpu_profile", "gpu_model"]].tolist() == ["1g.10gb", "NVIDIA H100 80GB HBM3"]
    assert shares(one) == {"unattributed": 0.4021 / 7, "unknown": 0.5979 / 7}
    assert mean(one, "gpu_power_watts") == pytest.approx(241.38)
    assert mean(one, "gpu_memory_used_bytes") == 3365928960
    assert mean(one, "gpu_memory_total_bytes") == 10468982784
    assert mean(one, "gpu_sm_active_ratio") == pytest.approx(0.31)
    assert mean(one, "gpu_tensor_active_ratio") == pytest.approx(0.021)
    of_gpu = rows[rows.gpu_uuid == CUT]
    assert of_gpu["capacity_seconds"].sum() == pytest.approx(3600)
    assert of_gpu["energy_joules"].sum() == pytest.approx(241 * 3600)


def test_a_gpu_that_needs_a_reset_is_out_of_work(site: Sites) -> None:
    row = gpu(site.hour("broken"), WHOLE)
    assert shares(row) == {"unavailable": 1}
    assert row["reason"] == "fault"


def test_a_job_that_is_told_by_index_holds_the_gpu_of_that_index(site: Sites) -> None:
    row = gpu(site.hour("slurm"), WHOLE)
    assert row[["workload", "user"]].tolist() == ["7", "ada"]
    assert shares(row) == {"busy": 0.97, "idle": 0.03}


def test_uuids_are_written_as_others_write_them() -> None:
    assert nvidia_smi.uuid_of("a") == nvidia_smi.uuid_of("GPU-a") == "GPU-a"
    assert nvidia_smi.gpu(None, {"uuid": ""}) is None
    assert nvidia_smi.fault({}) is None
