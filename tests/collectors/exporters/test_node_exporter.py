from collections.abc import Iterator

import pytest

from collectors.exporters import cadvisor, node_exporter
from queries.catalogue import METRICS
from queries.engine import Engine
from queries.question import Asker, Question
from queries.scope import EVERYTHING
from queries.window import HOUR
from tests.collectors.exporters.sites import Scrape, Sites, mean, only, sites

KSM = {"job": "ksm", "instance": "10.0.0.9:8080"}
DCGM = {"job": "dcgm", "instance": "gpu-a100-01:9400"}
KUBELET = {"job": "kubelet", "instance": "10.0.0.1:10250", "node": "gpu-a100-01"}
ADDRESS = {"job": "node", "instance": "10.0.0.1:9100"}
CORES = {'node_cpu_seconds_total{cpu="0",mode="user"}': 0.5, 'node_cpu_seconds_total{cpu="1",mode="system"}': 0.25}
"""How much of two cores is used; the rest is idle."""
CPU = {
    'container_cpu_usage_seconds_total{container="",cpu="total",id="/kubepods': 6.5,
    'container_cpu_usage_seconds_total{container="main"': 6.25,
}
BARE = 'container_memory_working_set_bytes{container="%s",namespace="team-vision",pod="train-resnet-0"} %s\n'
GPU = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a",Hostname="gpu05",modelName="A100"} 50\n'
UNAME = 'node_uname_info{nodename="gpu05.cluster.edu"} 1\nnode_memory_MemTotal_bytes 8e11\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    kube = (Scrape("kube_state", KSM), Scrape("dcgm_4x", DCGM))
    no_group = BARE % ("main", "3e10") + BARE % ("side", "1e10") + BARE % ("POD", "700416")
    with sites(
        tmp_path_factory.mktemp("nodes"),
        kubernetes=(*kube, Scrape("cadvisor", KUBELET, CPU), Scrape("node_exporter", ADDRESS, CORES)),
        containers=(*kube, Scrape(no_group, KUBELET)),
        other=(*kube, Scrape(UNAME, {"job": "node", "instance": "10.9.9.9:9100"})),
        bare=(Scrape(GPU, DCGM), Scrape(UNAME, ADDRESS), Scrape(UNAME, {"job": "node", "instance": "login:9100"})),
    ) as running:
        yield running


def test_a_pods_processors_and_memory_are_told_once(site: Sites) -> None:
    row = only(site.hour("kubernetes"), kind="pod")
    assert row[["namespace", "pod", "project", "user", "workload"]].tolist() == [
        "team-vision",
        "train-resnet-0",
        "vision",
        "ada",
        "train-resnet",
    ]
    assert mean(row, "pod_cpu_used_cores") == pytest.approx(6.5)
    assert mean(row, "pod_memory_used_bytes") == 34359738368
    assert row["capacity_seconds"] == 0


def test_where_the_runtime_tells_no_pods_their_containers_are_summed(site: Sites) -> None:
    assert mean(only(site.hour("containers"), kind="pod"), "pod_memory_used_bytes") == 4e10


def test_a_nodes_processors_and_memory_are_told_under_the_schedulers_name_of_it(site: Sites) -> None:
    row = only(site.hour("kubernetes"), kind="node")
    assert row["node"] == "gpu-a100-01"
    assert mean(row, "node_cpu_used_cores") == pytest.approx(0.75)
    assert mean(row, "node_cpu_cores") == 2
    assert mean(row, "node_memory_used_bytes") == pytest.approx(1.081101176832e12 - 8.1e11)
    assert mean(row, "node_memory_total_bytes") == 1.081101176832e12


def test_without_a_scheduler_a_node_goes_by_the_name_that_its_gpus_have(site: Sites) -> None:
    row = only(site.hour("bare"), kind="node")
    assert (row["node"], mean(row, "node_memory_total_bytes")) == ("gpu05", 8e11)


def test_nodes_without_gpus_are_not_booked(site: Sites) -> None:
    assert "node" not in set(site.hour("other")["kind"])


def test_answers_are_means_over_time_of_sums_over_pods_and_nodes(site: Sites) -> None:
    window = site.window("kubernetes")
    asker = Asker(Engine(site.lake("kubernetes")), EVERYTHING, [], window.end)

    def answer(metric: str, *by: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = asker.range(
            Question(window, HOUR, by), [METRICS[metric]], "mean"
        ).rows.to_pylist()
        return [{name: row[name] for name in (*by, metric)} for row in rows]

    assert answer("pod_cpu_used_cores", "workload") == [
        {"workload": "train-resnet", "pod_cpu_used_cores": pytest.approx(6.5)}
    ]
    assert answer("node_cpu_used_cores", "node") == [
        {"node": "gpu-a100-01", "node_cpu_used_cores": pytest.approx(0.75)}
    ]
    assert answer("node_cpu_utilization_ratio") == [{"node_cpu_utilization_ratio": pytest.approx(0.375)}]
    used = pytest.approx(1 - 8.1e11 / 1.081101176832e12)
    assert answer("node_memory_utilization_ratio", "cluster") == [
        {"cluster": "kubernetes", "node_memory_utilization_ratio": used}
    ]


def test_hostile_names_stay_names() -> None:
    hostile = "'; drop table ledger; --"
    assert cadvisor.pod("pod_cpu_used_cores", {"pod": hostile, "namespace": "a"})["pod"] == hostile
    assert node_exporter.node("node_cpu_cores", {"instance": f"{hostile}:9100"})["node"] == hostile
