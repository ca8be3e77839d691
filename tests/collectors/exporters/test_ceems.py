from collections.abc import Iterator

import pytest

from collectors.exporters import ceems
from tests.collectors.exporters.sites import Scrape, Sites, gpu, mean, shares, sites

HELD, CUT = "GPU-5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01", "GPU-b81e6f02-3d57-4f6a-8c90-61a7de54b702"
CEEMS = {"job": "ceems", "instance": "hpc-gpu-07:9010"}
DCGM = {"job": "dcgm", "instance": "hpc-gpu-07:9400"}
KSM = {"job": "ksm", "instance": "10.0.0.9:8080"}


def page(*units: str) -> str:
    """The flags of some units, beside a GPU for each index."""
    gpus = "".join(f'DCGM_FI_DEV_GPU_UTIL{{gpu="{n}",UUID="GPU-{n}",Hostname="hpc-gpu-07"}} 50\n' for n in range(2))
    return gpus + f'ceems_compute_units{{hostname="hpc-gpu-07"}} {len(units)}\n' + "".join(units)


OLD = 'ceems_compute_unit_gpu_index_flag{hostname="hpc-gpu-07",gpuuuid="GPU-0",manager="slurm",uuid="9",user="ada",project="nlp"} 1\n'
MACHINE = 'ceems_compute_unit_gpu_index_flag{hostname="hpc-gpu-07",gpuuuid="GPU-0",manager="libvirt",uuid="v-1"} 1\n'
POD = 'ceems_compute_unit_gpu_index_flag{hostname="hpc-gpu-07",gpuuuid="GPU-0",manager="k8s",uuid="uid-1"} 1\n'
KUBE = "".join(
    f'{series}{{namespace="team",pod="p",uid="uid-1",node="hpc-gpu-07"{more}}} 1\n'
    for series, more in (
        ("kube_pod_info", ""),
        ("kube_pod_status_phase", ',phase="Running"'),
        ("kube_pod_container_resource_requests", ',container="c",resource="nvidia_com_gpu"'),
    )
)
AMD = 'gpu_gfx_activity{gpu_id="0",serial_number="S1",hostname="hpc-gpu-07",gpu_partition_id="0"} 40\n'
AMD += 'ceems_compute_unit_gpu_index_flag{hostname="hpc-gpu-07",gpuuuid="S1",gpuiid="0",manager="slurm",uuid="9"} 1\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    host = 'hostname="hpc-gpu-07"'
    instance = (
        f'DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="1",UUID="{CUT}",GPU_I_ID="7",GPU_I_PROFILE="1g.10gb",{host}}} 0.5\n'
    )
    whole = f'DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="0",UUID="{HELD}",{host}}} 0.25\n'
    free = f'DCGM_FI_PROF_GR_ENGINE_ACTIVE{{gpu="2",UUID="GPU-free",{host}}} 0\n'
    with sites(
        tmp_path_factory.mktemp("ceems"),
        new=(Scrape("ceems", CEEMS), Scrape(whole + instance + free, DCGM)),
        alone=(Scrape("ceems", CEEMS),),
        old=(Scrape(page(OLD), CEEMS),),
        machine=(Scrape(page(MACHINE), CEEMS),),
        pod=(Scrape(page(POD), CEEMS), Scrape(KUBE, KSM)),
        amd=(Scrape(AMD, CEEMS),),
    ) as running:
        yield running


def test_units_hold_the_devices_that_they_flag_and_others_are_free(site: Sites) -> None:
    rows = site.hour("new")
    held, instance = gpu(rows, HELD), gpu(rows, CUT, "7")
    assert held[["node", "workload", "workload_kind", "user"]].tolist() == ["hpc-gpu-07", "4829131", "SlurmJob", ""]
    assert shares(held) == {"busy": 0.25, "idle": 0.75}
    assert instance["workload"] == "4829144"
    assert shares(instance) == {"busy": 0.5 / 7, "idle": 0.5 / 7}
    assert shares(gpu(rows, "GPU-free")) == {"free": 1}


def test_without_the_vendors_exporter_whole_gpus_are_held(site: Sites) -> None:
    """The flag of an instance does not say how large it is."""
    rows = site.hour("alone")
    assert rows["gpu_uuid"].tolist() == [HELD]
    assert shares(gpu(rows, HELD)) == {"held": 1}
    assert gpu(rows, HELD)["reason"] == "no_utilization"


def test_older_versions_tell_whose_the_units_are(site: Sites) -> None:
    assert gpu(site.hour("old"), "GPU-0")[["workload", "user", "project"]].tolist() == ["9", "ada", "nlp"]


def test_virtual_machines_hold_gpus_too(site: Sites) -> None:
    assert gpu(site.hour("machine"), "GPU-0")[["workload", "workload_kind"]].tolist() == ["v-1", "VirtualMachine"]


def test_pods_are_known_by_their_uids(site: Sites) -> None:
    rows = site.hour("pod")
    assert gpu(rows, "GPU-0")[["namespace", "pod", "pod_uid"]].tolist() == ["team", "p", "uid-1"]
    assert shares(gpu(rows, "GPU-0")) == {"busy": 0.5, "idle": 0.5}


def test_amds_whole_gpus_are_their_only_partition(site: Sites) -> None:
    row = gpu(site.hour("amd"), "S1")
    assert row["workload"] == "9"
    assert shares(row) == {"busy": 0.4, "idle": 0.6}
    assert mean(row, "gpu_graphics_engine_active_ratio") == pytest.approx(0.4)


@pytest.mark.parametrize("labels", [{}, {"uuid": "1"}, {"gpuuuid": "GPU-a"}])
def test_a_flag_without_unit_or_device_says_nothing(labels: dict[str, str]) -> None:
    assert ceems.held(labels) is None
