from collections.abc import Iterator

import pytest

from collectors.exporters import determined
from tests.collectors.exporters.sites import Scrape, Sites, gpu, only, shares, sites

UUID = "GPU-5f0d1c9e-7a44-4c1b-9b8e-2d1f6c0a9e01"
MASTER = {"job": "determined", "instance": "master:8080"}
DCGM = {"job": "dcgm", "instance": "agent-1:9400"}
KSM = {"job": "ksm", "instance": "10.0.0.9:8080"}
WORK = f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="{UUID}",Hostname="agent-1",modelName="A100"}} 40\n'
HOLDS = f'det_gpu_uuid_container_id{{container_id="c-1",gpu_uuid="{UUID}"}}'
NOTEBOOK = 'det_container_id_allocation_id{allocation_id="a-1",container_id="c-1"} 1\n'
NOTEBOOK += 'det_allocation_id_task_id_task_actor{allocation_id="a-1",task_actor="x",task_id="notebook-1"} 1\n'
PODS = "".join(
    f'{series}{{namespace="default",pod="{pod}",uid="{uid}",node="agent-1"{more}}} 1\n'
    for pod, uid in (
        ("exp-12-trial-57-3e7c9a10", "0c9a7a52-0f55-4f0e-9d1b-6a1f0f0d7c11"),
        ("cmd-ab12", "1c9a7a52-0f55-4f0e-9d1b-6a1f0f0d7c12"),
    )
    for series, more in (
        ("kube_pod_info", ""),
        ("kube_pod_status_phase", ',phase="Running"'),
        ("kube_pod_container_resource_requests", ',container="c",resource="nvidia_com_gpu"'),
    )
)
PODS += 'kube_node_status_capacity{node="agent-1",resource="nvidia_com_gpu"} 2\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("determined"),
        trial=(Scrape("determined", MASTER), Scrape(WORK, DCGM)),
        ends=(
            Scrape(WORK, DCGM),
            Scrape(NOTEBOOK, MASTER),
            Scrape(f"{HOLDS} 1\n", MASTER, until=30),
            Scrape(f"{HOLDS} 0\n", MASTER, since=30),
        ),
        blind=(Scrape("determined", MASTER),),
        kubernetes=(Scrape("determined_pods", KSM), Scrape(PODS, KSM)),
    ) as running:
        yield running


def test_a_container_is_its_experiment(site: Sites) -> None:
    row = gpu(site.hour("trial"), UUID)
    assert row[["node", "workload", "workload_kind"]].tolist() == ["agent-1", "12", "DeterminedExperiment"]
    assert shares(row) == {"busy": 0.4, "idle": 0.6}


def test_a_task_of_no_experiment_is_itself_and_holds_until_its_count_is_0(site: Sites) -> None:
    rows = site.hour("ends")
    held = only(rows, workload="notebook-1")
    assert held["workload_kind"] == "DeterminedTask"
    assert shares(held) == {"busy": 0.2, "idle": 0.3}
    assert rows["capacity_seconds"].sum() == pytest.approx(3600)


def test_a_gpu_of_which_nobody_says_where_it_is_is_not_booked(site: Sites) -> None:
    assert set(site.hour("blind")["kind"]) == {"empty"}


def test_on_kubernetes_its_labels_of_pods_tell_whose_they_are(site: Sites) -> None:
    rows = site.hour("kubernetes")
    told = ["project", "user", "workload", "workload_kind"]
    trial, command = only(rows, pod="exp-12-trial-57-3e7c9a10"), only(rows, pod="cmd-ab12")
    assert trial[told].tolist() == ["Uncategorized", "ada", "12", "DeterminedExperiment"]
    assert command[told].tolist() == ["nlp", "grace", "ab12", "DeterminedTask"]


@pytest.mark.parametrize("missing", ["gpu_uuid", "container_id"])
def test_a_series_that_does_not_say_who_holds_what_says_nothing(missing: str) -> None:
    labels = {"gpu_uuid": "GPU-a", "container_id": "c", "value": "1"}
    assert determined.held(labels)
    assert determined.held(labels | {missing: ""}) is None
    assert determined.held(labels | {"value": "0"}) is None
