from collections.abc import Iterator

import pytest

from collectors.exporters import jobstats
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, only, shares, sites

HELD, CUT = "GPU-5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01", "GPU-b81e6f02-3d57-4f6a-8c90-61a7de54b702"
INSTANCE = "MIG-6a2c1f77-90c3-5d0a-8e1b-41f2b7d0c301"
NODE = {"job": "gpu", "instance": "della-l01g1:9445"}
GPU = 'minor_number="0",name="NVIDIA A100-SXM4-80GB",ordinal="0",uuid="GPU-a"'


def values(job: int, user: int) -> str:
    """An older exporter's page, with this job."""
    return f"nvidia_gpu_duty_cycle{{{GPU}}} 50\nnvidia_gpu_jobId{{{GPU}}} {job}\nnvidia_gpu_jobUid{{{GPU}}} {user}\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("jobstats"),
        new=(Scrape("jobstats", NODE),),
        old=(Scrape("jobstats_old", NODE),),
        changing=(
            Scrape(values(101, 7), NODE, until=20),
            Scrape(values(0, 0), NODE, since=20, until=40),
            Scrape(values(102, 8), NODE, since=40),
        ),
    ) as running:
        yield running


def test_jobs_are_told_by_labels_in_new_versions(site: Sites) -> None:
    row = gpu(site.hour("new"), HELD)
    told = ["node", "workload", "workload_kind", "user", "project", "gpu", "gpu_model"]
    assert row[told].tolist() == ["della-l01g1", "4829131", "SlurmJob", "62017", "", "0", "NVIDIA H100 80GB HBM3"]
    assert shares(row) == {"busy": 0.9612, "idle": 1 - 0.9612}
    assert mean(row, "gpu_power_watts") == pytest.approx(547.218)
    assert row["energy_joules"] == pytest.approx(547.218 * 3600)
    assert mean(row, "gpu_memory_used_bytes") == 75251056640
    assert mean(row, "gpu_memory_total_bytes") == 85520809984
    assert mean(row, "gpu_sm_active_ratio") == pytest.approx(0.884)
    assert mean(row, "gpu_tensor_active_ratio") == pytest.approx(0.3128)
    assert mean(row, "gpu_dram_active_ratio") == pytest.approx(0.4021)
    assert mean(row, "gpu_temperature_celsius") == 64


def test_instances_belong_to_the_gpu_of_their_index(site: Sites) -> None:
    rows = site.hour("new")
    one, three = gpu(rows, CUT, "7"), gpu(rows, CUT, "2")
    assert one[["workload", "user", "gpu_profile"]].tolist() == ["4829144", "60311", "1g.10gb"]
    assert shares(one) == {"busy": 0.4021 / 7, "idle": 0.5979 / 7}
    assert shares(three) == {"free": 3 / 7}
    assert mean(one, "gpu_memory_used_bytes") == 3365928960
    assert rows[rows.gpu_uuid == CUT]["energy_joules"].sum() == pytest.approx(241.377 * 3600)


def test_jobs_and_users_are_told_by_values_in_older_versions(site: Sites) -> None:
    rows = site.hour("old")
    held, instance = gpu(rows, HELD), gpu(rows, CUT, INSTANCE)
    assert held[["workload", "user"]].tolist() == ["3471920", "62017"]
    assert shares(held) == {"busy": 0.97, "idle": 0.03}
    assert instance[["workload", "user", "gpu_profile"]].tolist() == ["3471955", "60311", "1g.10gb"]
    assert shares(instance) == {"held": 1 / 7}


def test_a_job_that_ends_lets_go_and_the_next_one_holds(site: Sites) -> None:
    rows = site.hour("changing")
    first, second, nobody = (only(rows, workload=name) for name in ("101", "102", ""))
    assert (first["user"], second["user"]) == ("7", "8")
    assert shares(first) == {"busy": 1 / 6, "idle": 1 / 6}
    assert shares(second) == {"busy": 1 / 6, "idle": 1 / 6}
    assert shares(nobody) == {"unattributed": 1 / 6, "free": 1 / 6}


@pytest.mark.parametrize(
    "labels",
    [{}, {"uuid": ""}, {"uuid": "MIG-a", "name": "NVIDIA H100"}, {"uuid": "MIG-a", "name": "H100 MIG '; drop table"}],
)
def test_a_device_that_cannot_be_told_is_not_booked(labels: dict[str, str]) -> None:
    assert jobstats.gpu(None, labels) is None


@pytest.mark.parametrize("value", ["nan", "inf", "", "many"])
def test_a_job_that_is_no_number_is_none(value: str) -> None:
    assert jobstats.held({"uuid": "GPU-a", "value": value}) is None
    assert jobstats.job({"jobid": value, "userid": "1"}, 1) is None
