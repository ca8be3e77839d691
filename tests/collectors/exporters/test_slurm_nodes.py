from collections.abc import Iterator

import pytest

from collectors.exporters import slurm_nodes
from tests.collectors.exporters.sites import Scrape, Sites, gpu, only, shares, sites

SLURM = {"job": "slurm", "instance": "slurmctld:9092"}
UP, GONE = "hpc-gpu-07", "hpc-gpu-08"


def work(node: str, job: str = "") -> Scrape:
    """Two GPUs of a node, by its exporter; the second may be held."""
    held = f',hpc_job="{job}"' if job else ""
    page = f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="{node}-0",Hostname="{node}"}} 0\n'
    page += f'DCGM_FI_DEV_GPU_UTIL{{gpu="1",UUID="{node}-1",Hostname="{node}"{held}}} 50\n'
    return Scrape(page, {"job": "dcgm", "instance": f"{node}:9400"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    login = 'slurm_node_cpu_total{node="login",status="down*"} 8\n'
    with sites(
        tmp_path_factory.mktemp("slurm"),
        sckyzo=(Scrape("slurm_sckyzo", SLURM), work(UP, "1")),
        native=(
            Scrape("slurm_native", SLURM),
            work(UP, "1"),
            Scrape("slurm_native", SLURM | {"instance": "backup:6817"}),
        ),
        vpenso=(Scrape("slurm_vpenso", SLURM), Scrape(login, SLURM), work(UP, "1"), work(GONE)),
        soperator=(Scrape("slurm_soperator", SLURM), work("worker-0", "4829131"), work("worker-1")),
        changes=(
            work("n1", "1"),
            Scrape('slurm_node_status{node="n1",status="idle"} 1\n', SLURM, until=30),
            Scrape('slurm_node_status{node="n1",status="drained*"} 1\n', SLURM, since=30),
        ),
        domain=(Scrape("slurm_sckyzo", SLURM), work(f"{UP}.cluster.edu", "1")),
    ) as running:
        yield running


@pytest.mark.parametrize("name", ["sckyzo", "native"])
def test_nodes_have_the_gpus_that_slurm_counts_once_for_all_partitions(site: Sites, name: str) -> None:
    rows = site.hour(name)
    assert dict((rows.groupby("node")["capacity_seconds"].sum() / 3600).items()) == {UP: 2, GONE: 2}
    assert shares(gpu(rows, f"{UP}-1")) == {"busy": 0.5, "idle": 0.5}


def test_a_drained_node_is_unavailable_where_its_gpus_are_held_by_nobody(site: Sites) -> None:
    """Of a node whose GPUs show nothing, nobody knows whether they are held."""
    rows = site.hour("vpenso")
    idle, working = gpu(rows, f"{GONE}-0"), gpu(rows, f"{GONE}-1")
    assert shares(idle) == {"unavailable": 1}
    assert idle["reason"] == "drained"
    assert shares(working) == {"unavailable": 0.5, "unattributed": 0.5}
    assert shares(gpu(rows, f"{UP}-1")) == {"busy": 0.5, "idle": 0.5}
    assert "login" not in set(rows["node"])


def test_soperators_flags_drain_a_node_and_its_jobs_have_users(site: Sites) -> None:
    rows = site.hour("soperator")
    assert gpu(rows, "worker-1-0")["reason"] == "drained"
    row = gpu(rows, "worker-0-1")
    assert row[["workload", "user"]].tolist() == ["4829131", "ada"]
    assert shares(row) == {"busy": 0.5, "idle": 0.5}


def test_the_newest_state_counts(site: Sites) -> None:
    rows = site.hour("changes")
    of_first = rows[rows.gpu_uuid == "n1-0"]
    assert of_first["unavailable_seconds"].sum() == pytest.approx(1800)
    assert of_first["free_seconds"].sum() == pytest.approx(1800)


def test_a_node_with_its_domain_is_the_same_node(site: Sites) -> None:
    rows = site.hour("domain")
    assert set(rows["node"]) == {UP, GONE}
    assert only(rows, workload="1")["node"] == UP


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("idle", "listed"),
        ("mixed", "listed"),
        ("alloc~", "listed"),
        ("down*", "down"),
        ("DOWN+DRAIN", "down"),
        ("drained", "drained"),
        ("draining@", "drained"),
        ("mixed+drain", "drained"),
        ("maint", "drained"),
        ("reserved", "listed"),
        ("powering_down", "listed"),
        ("", "listed"),
        ("'; drop table", "listed"),
    ],
)
def test_a_state_means(text: str, fact: str) -> None:
    assert slurm_nodes.fact_of(text) == fact


def test_a_node_without_gpus_is_none_of_ours_and_instances_weigh_their_slices() -> None:
    labels = {"node": "n1", "gres_type": "gpu:a100_3g.20gb", "value": "2"}
    row = slurm_nodes.gpus(labels)
    assert row
    assert row["resource"] == "nvidia_com_mig_3g_20gb"
    assert slurm_nodes.gpus(labels | {"value": "0"}) is None
    assert slurm_nodes.gpus({"value": "2"}) is None
