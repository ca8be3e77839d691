from collections.abc import Iterator

import pytest

from collectors.exporters import runai
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, only, shares, sites

TARGET = {"job": "runai", "instance": "10.0.0.8:8080"}
RENAMED = TARGET | {"namespace": "runai", "pod": "metrics-0", "node": "cpu-01"}
DCGM = {"job": "dcgm", "instance": "gpu-a100-01:9400"}
UUID = 'UUID="GPU-a",Hostname="gpu-a100-01",modelName="A100"'
BESIDE = f'DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="0",{UUID}}} 0.5\nDCGM_FI_DEV_POWER_USAGE{{gpu="0",{UUID}}} 300\n'
SHARED = "".join(
    f'runai_gpu_utilization_per_pod_per_gpu{{gpu="0",node="n",pod_name="{pod}",pod_namespace="runai-a"}} {u}\n'
    for pod, u in (("p", 60), ("q", 10))
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("runai"),
        new=(Scrape("runai", TARGET),),
        renamed=(Scrape("runai", RENAMED),),
        old=(Scrape("runai_2_8", TARGET),),
        beside_dcgm=(Scrape("runai", TARGET), Scrape(BESIDE, DCGM)),
        shared=(Scrape(SHARED + 'runai_gpu_utilization_per_gpu{gpu="0",node="n"} 70\n', TARGET),),
    ) as running:
        yield running


@pytest.mark.parametrize("name", ["new", "renamed", "old"])
def test_pods_hold_gpus_whichever_version_tells_it(site: Sites, name: str) -> None:
    rows = site.hour(name)
    held, free = gpu(rows, "gpu-a100-01/0"), gpu(rows, "gpu-a100-01/1")
    told = ["node", "gpu", "namespace", "pod", "project"]
    assert held[told].tolist() == ["gpu-a100-01", "0", "runai-vision", "train-resnet-0", "vision"]
    assert shares(held) == {"busy": 0.97, "idle": 0.03}
    assert shares(free) == {"free": 1}
    quota = only(rows, kind="project")
    assert (quota["project"], mean(quota, "gpus_quota")) == ("vision", 8)
    if name != "old":
        assert mean(held, "gpu_memory_used_bytes") == 71765 * 1048576
        assert mean(held, "gpu_memory_total_bytes") == 81920 * 1048576


def test_a_gpu_that_another_exporter_knows_by_uuid_is_that_one(site: Sites) -> None:
    row = gpu(site.hour("beside_dcgm"), "GPU-a")
    assert row["pod"] == "train-resnet-0"
    assert shares(row) == {"busy": 0.5, "idle": 0.5}
    assert mean(row, "gpu_power_watts") == 300


def test_fractions_of_a_gpu_are_told_apart(site: Sites) -> None:
    rows = site.hour("shared")
    assert only(rows, pod="p")["capacity_seconds"] == pytest.approx((0.6 + 0.15) * 3600)
    assert only(rows, pod="q")["capacity_seconds"] == pytest.approx((0.1 + 0.15) * 3600)
    assert rows["busy_seconds"].sum() == pytest.approx(0.7 * 3600)


@pytest.mark.parametrize("labels", [{}, {"node": "n"}, {"gpu": "0"}])
def test_a_gpu_that_cannot_be_told_is_not_booked(labels: dict[str, str]) -> None:
    assert runai.gpu(None, labels) is None
    assert runai.quota(labels) is None
