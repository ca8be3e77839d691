from collections.abc import Iterator

import pytest

from collectors.exporters import slurm_job
from queries.catalogue import READINGS
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, shares, sites

NODE = {"job": "slurm-job", "instance": "gpu07.cluster.edu:9798"}
STATS = {"job": "gpu", "instance": "gpu07.cluster.edu:9445"}
UUID, CUT = "GPU-5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01", "GPU-b81e6f02-3d57-4f6a-8c90-61a7de54b702"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("slurm-job"),
        nvml=(Scrape("slurm_job_nvml", NODE),),
        dcgm=(Scrape("slurm_job_dcgm", NODE),),
        beside_jobstats=(Scrape("slurm_job_dcgm", NODE), Scrape("jobstats", STATS)),
        both=(Scrape("slurm_job_nvml", NODE), Scrape("slurm_job_dcgm", NODE | {"instance": "gpu08:9798"})),
    ) as running:
        yield running


def test_a_job_holds_its_gpus_with_user_and_account(site: Sites) -> None:
    rows = site.hour("nvml", projects={"def-*": "*"})
    ada, grace = gpu(rows, "gpu07.cluster.edu/0"), gpu(rows, "gpu07.cluster.edu/1")
    told = ["node", "gpu", "workload", "workload_kind", "user", "project"]
    assert ada[told].tolist() == ["gpu07.cluster.edu", "0", "4829131", "SlurmJob", "ada", "vision"]
    assert grace[told].tolist() == ["gpu07.cluster.edu", "1", "4829144", "SlurmJob", "grace", ""]
    assert shares(ada) == {"busy": 0.97, "idle": 0.03}
    assert shares(grace) == {"idle": 1}
    assert mean(ada, "gpu_power_watts") == pytest.approx(347.218)
    assert ada["energy_joules"] == pytest.approx(347.218 * 3600)
    assert mean(ada, "gpu_memory_used_bytes") == 75251056640
    assert mean(ada, "gpu_memory_total_bytes") == 85899345920


def test_what_dcgm_calls_utilization_is_the_multiprocessors_activity(site: Sites) -> None:
    row = gpu(site.hour("dcgm"), "gpu07.cluster.edu/0")
    assert mean(row, "gpu_sm_active_ratio") == pytest.approx(0.8840200903)
    assert mean(row, "gpu_tensor_active_ratio") == pytest.approx(0.312877)
    assert mean(row, "gpu_dram_active_ratio") == pytest.approx(0.402118)
    assert not row["gpu_kernel_active_ratio_seconds"] > 0
    assert shares(row) == {"held": 1}
    assert row["reason"] == "no_utilization"


def test_both_kinds_may_be_in_one_cluster(site: Sites) -> None:
    rows = site.hour("both")
    assert shares(gpu(rows, "gpu07.cluster.edu/0")) == {"busy": 0.97, "idle": 0.03}
    assert shares(gpu(rows, "gpu08/0")) == {"held": 1}
    assert not gpu(rows, "gpu07.cluster.edu/0")["gpu_sm_active_ratio_seconds"] > 0


def test_an_instance_is_booked_where_another_exporter_knows_it(site: Sites) -> None:
    alone, beside = site.hour("dcgm"), site.hour("beside_jobstats")
    assert alone["gpu_uuid"].tolist() == ["gpu07.cluster.edu/0"]
    row = gpu(beside, CUT, "7")
    assert row[["workload", "user", "gpu_profile"]].tolist() == ["4829144", "grace", "1g.10gb"]
    assert shares(row) == {"busy": 0.4021 / 7, "idle": 0.5979 / 7}
    assert gpu(beside, UUID)[["workload", "node"]].tolist() == ["4829131", "gpu07.cluster.edu"]


@pytest.mark.parametrize("labels", [{}, {"gpu": "0"}, {"gpu": "", "slurmjobid": "1"}, {"slurmjobid": "1"}])
def test_a_series_without_job_or_gpu_is_not_booked(labels: dict[str, str]) -> None:
    assert slurm_job.gpu(READINGS["slurm_job", "slurm_job_power_gpu"], labels) is None


def test_an_account_that_was_not_found_is_not_known() -> None:
    row = slurm_job.job({"slurmjobid": "1", "user": "'; drop table", "account": "error"}, 1)
    assert row
    assert (row["user"], row["account"]) == ("'; drop table", "")
