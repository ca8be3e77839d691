from collections.abc import Iterator

import pandas as pd
import pytest

from collectors.exporters import kube_state, kueue
from tests.collectors.exporters.sites import Scrape, Sites, gpu, only, shares, sites

KSM = {"job": "ksm", "instance": "10.0.0.9:8080"}
OWN = KSM | {"namespace": "monitoring", "pod": "ksm-0", "node": "cpu-01", "container": "ksm"}
KUEUE = {"job": "kueue", "instance": "10.0.0.8:8443"}
DCGM = {"job": "dcgm", "instance": "gpu-a100-01:9400"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with sites(
        tmp_path_factory.mktemp("kube"),
        plain=(Scrape("kube_state", KSM), Scrape("dcgm_4x", DCGM), Scrape("kueue", KUEUE)),
        renamed=(Scrape("kube_state", OWN), Scrape("dcgm_4x", DCGM)),
        roles=(
            Scrape("kube_state", KSM),
            Scrape("kueue_roles", KUEUE),
            Scrape("kueue_roles", KUEUE | {"instance": "10.0.0.7:8443"}),
        ),
    ) as running:
        yield running


def projects(rows: pd.DataFrame, metric: str) -> dict[str, float]:
    """The value of a metric of projects; of those that have one."""
    told = rows[(rows.kind == "project") & rows[f"{metric}_max"].notna()]
    return dict(zip(told.project, told[f"{metric}_integral"] / told[f"{metric}_seconds"], strict=True))


@pytest.mark.parametrize("name", ["plain", "renamed"])
def test_capacity_is_what_the_nodes_have_in_whole_gpus(site: Sites, name: str) -> None:
    rows = site.hour(name)
    capacity = rows.groupby("node")["capacity_seconds"].sum() / 3600
    assert dict(capacity.round(6).items()) == {
        "gpu-a100-01": 2,
        "gpu-mig-01": round(1 + 6 / 7, 6),
        "gpu-share-01": 2,  # eight replicas, four of a GPU
        "mi300-01": 8,
        "gaudi-01": 8,
        "": 0,
    }


@pytest.mark.parametrize("name", ["plain", "renamed"])
def test_pods_hold_what_they_request_and_their_owners_owner_is_the_workload(site: Sites, name: str) -> None:
    rows = site.hour(name)
    held = rows[rows.pod != ""]
    assert dict(zip(held.pod, (held.capacity_seconds / 3600).round(6), strict=True)) == {
        "train-resnet-0": 1,
        "notebook-ada-0": round(1 / 7, 6),
        "llm-7d9c5b6f4-x2x8q": 0.25,
        "rocm-train-0": 4,
        "gaudi-train-0": 8,
    }
    train, serve = only(rows, pod="train-resnet-0"), only(rows, pod="llm-7d9c5b6f4-x2x8q")
    told = ["project", "user", "workload", "workload_kind"]
    assert train[told].tolist() == ["vision", "ada", "train-resnet", "PyTorchJob"]
    assert shares(train) == {"busy": 0.961204, "idle": 1 - 0.961204}
    assert serve[told].tolist() == ["team-serve", "", "llm", "Deployment"]
    assert only(rows, pod="rocm-train-0")[["gpu_model", "project"]].tolist() == ["AMD_Instinct_MI300X_OAM", "nlp"]


def test_nodes_that_are_not_ready_or_cordoned_are_unavailable(site: Sites) -> None:
    rows = site.hour("plain")
    assert set(rows[rows.node == "gaudi-01"]["reason"]) == {"not_ready"}
    cordoned = rows[(rows.node == "gpu-mig-01") & (rows.pod == "")]
    assert cordoned["unavailable_seconds"].sum() == pytest.approx((1 + 5 / 7) * 3600)
    assert set(cordoned["reason"]) == {"cordoned"}


def test_a_gpu_of_nobody_is_free(site: Sites) -> None:
    assert shares(gpu(site.hour("plain"), "GPU-b81e6f02-3d57-4f6a-8c90-61a7de54b702")) == {"free": 1}


def test_quotas_are_in_whole_gpus_whatever_the_vendor(site: Sites) -> None:
    for name in ("plain", "renamed"):
        quotas = projects(site.hour(name), "gpus_quota")
        quotas.pop("llm", None)
        assert quotas == {"team-vision": 8, "nlp": pytest.approx(8 + 4 / 7)}


@pytest.mark.parametrize("name", ["plain", "roles"])
def test_a_queues_replicas_tell_of_one_queue(site: Sites, name: str) -> None:
    rows = site.hour(name)
    assert projects(rows, "gpus_quota")["llm"] == 24
    assert projects(rows, "workloads_pending") == {"llm": 3}
    assert projects(rows, "workloads_admitted") == {"llm": 3}


def test_quotas_of_one_project_in_several_namespaces_add_up_and_a_queues_does_not_add_to_them(site: Sites) -> None:
    rows = site.hour("plain", projects={"team-*": "llm"})
    assert projects(rows, "gpus_quota") == {"llm": 24}
    rows = site.hour("plain", projects={"team-*": "all"})
    assert projects(rows, "gpus_quota") == {"all": pytest.approx(16 + 4 / 7), "llm": 24}


@pytest.mark.parametrize("resource", ["requests.nvidia.com/gpu.shared", "requests.cpu", "limits.nvidia.com/gpu", ""])
def test_a_quota_of_something_else_is_none(resource: str) -> None:
    assert kube_state.quota({"namespace": "a", "resource": resource}) is None
    assert kueue.quota({"cluster_queue": "a", "resource": resource}) is None


def test_a_fraction_counts_only_where_it_is_more_than_the_containers_request() -> None:
    row = kube_state.fraction({"pod": "p", "annotation_gpu_fraction": "0.5"}, 1)
    assert row
    assert (row["amount"], row["is_init"]) == (0.5, True)
    for text in ("", "many", "0", "1.5", "nan"):
        assert kube_state.fraction({"pod": "p", "annotation_gpu_fraction": text}, 1) is None
