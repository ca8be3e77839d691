"""The exporters against golden pages: what dcgm-exporter 4.x, kube-state-metrics 2.x and Kueue print of a small
cluster, with the families and labels that they have and invented values."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families as parse_text

from metrics_api.demo.fleet import CLUSTERS, DAY, HOUR, Cluster
from metrics_api.demo.servers import page_of
from metrics_api.demo.targets import Exporter, exporters
from tests.metrics_api.demo.pages import MONDAY, page

GOLDEN = Path(__file__).parent / "golden"

TIMES = [MONDAY + number * 5 * HOUR + 40 * 60 for number in range(6)]

FIXED = ("condition", "err_code", "err_msg", "phase", "status", "type", "unit")
"""Labels of which an exporter knows every value there is."""

Shape = tuple[str, str, frozenset[str], frozenset[tuple[str, str]]]
"""A family's name and type, the labels of one of its series, and the values of those of a fixed range."""


def shapes(families: Iterable[Metric]) -> set[Shape]:
    return {
        (
            family.name,
            family.type,
            frozenset(sample.labels),
            frozenset((label, sample.labels[label]) for label in FIXED if label in sample.labels),
        )
        for family in families
        for sample in family.samples
    }


def of_job(job: str) -> list[Exporter]:
    return [each for cluster in CLUSTERS for each in exporters(cluster) if each.target.labels["job"] == job]


def said(job: str) -> list[Metric]:
    return [family for each in of_job(job) for time in TIMES for family in parse_text(page(each, time))]


@pytest.mark.parametrize("job", ["dcgm-exporter", "kube-state-metrics", "kueue"])
def test_an_exporter_has_the_families_and_labels_of_the_real_one(job: str) -> None:
    golden = list(parse_text((GOLDEN / f"{job}.txt").read_text()))
    assert shapes(said(job)) == shapes(golden)
    helps = {family.name: family.documentation for family in golden if family.documentation}
    assert helps.items() <= {family.name: family.documentation for family in said(job)}.items()


def test_resources_are_spelled_as_kubernetes_hands_them_out() -> None:
    resources = {
        sample.labels["resource"]
        for family in said("kube-state-metrics")
        if family.name in ("kube_node_status_capacity", "kube_pod_container_resource_requests")
        for sample in family.samples
    }
    mig = {f"nvidia_com_mig_{profile}" for profile in ("1g_10gb", "2g_20gb", "3g_40gb")}
    assert resources == {"cpu", "memory", "nvidia_com_gpu", *mig}


def value(families: Iterable[Metric], name: str, **labels: str) -> float:
    """The sum of the series of a family that have some labels."""
    return sum(
        sample.value
        for family in families
        if family.name == name
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    )


def test_prometheus_keeps_what_schedulers_say_and_of_gpus_as_the_cluster_is_set() -> None:
    for cluster in CLUSTERS:
        *gpus, kube_state, kueue = (each.target.honors_labels for each in exporters(cluster))
        assert (set(gpus), kube_state, kueue) == ({cluster.honors_labels}, True, True)


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
def test_the_exporters_of_a_cluster_agree(cluster: Cluster) -> None:
    """What the scheduler says was requested by running pods is what the GPUs say they are held by."""
    *gpus, kube_state, _ = exporters(cluster)
    for time in TIMES:
        scheduler = list(parse_text(page(kube_state, time)))
        running = {
            (sample.labels["namespace"], sample.labels["pod"])
            for family in scheduler
            for sample in family.samples
            if sample.labels.get("phase") == "Running" and sample.value == 1
        }
        held = Counter[tuple[str, str]]()
        for exporter, node in zip(gpus, cluster.nodes, strict=True):
            devices = [
                sample.labels
                for family in parse_text(page(exporter, time))
                if family.name == "DCGM_FI_DEV_GPU_TEMP"
                for sample in family.samples
            ]
            assert {labels["Hostname"] for labels in devices} == {node}
            listed = value(scheduler, "kube_node_status_capacity", node=node, unit="integer")
            assert len(devices) == listed == len(cluster.devices(node))
            for labels in devices:
                if "pod" in labels:
                    held[labels["namespace"], labels["pod"]] += 1
        requests = "kube_pod_container_resource_requests"
        assert set(held) == running
        assert held == {
            pod: value(scheduler, requests, namespace=pod[0], pod=pod[1], unit="integer") for pod in running
        }


def test_a_pod_that_ended_is_listed_for_a_while_as_succeeded() -> None:
    cluster = CLUSTERS[0]
    kube_state = exporters(cluster)[-2]
    job = cluster.jobs(MONDAY, MONDAY + DAY)[0]

    def phases(time: int) -> dict[str, float]:
        return {
            sample.labels["phase"]: sample.value
            for family in parse_text(page(kube_state, time))
            if family.name == "kube_pod_status_phase"
            for sample in family.samples
            if sample.labels["pod"] == job.pod
        }

    nothing = dict.fromkeys(("Pending", "Running", "Succeeded", "Failed", "Unknown"), 0.0)
    assert phases(job.start - 1) == {}
    assert phases(job.start) == phases(job.end - 1) == nothing | {"Running": 1}
    assert phases(job.end) == phases(job.end + 1799) == nothing | {"Succeeded": 1}
    assert phases(job.end + 1800) == {}


@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda cluster: cluster.name)
def test_a_crashed_exporter_is_down_and_says_nothing(cluster: Cluster) -> None:
    node, outage = cluster.exporter_crash
    crashed, *others = sorted(exporters(cluster), key=lambda each: not each.target.path.endswith(f"/dcgm/{node}"))
    before, during, after = (MONDAY + time for time in (outage.start - 60, outage.start, outage.end))
    assert [page_of(crashed, time)[0] for time in (before, during, after)] == [200, 503, 200]
    assert page_of(crashed, during)[1] == ""
    assert all(page_of(each, during)[0] == 200 for each in others)
    up, *rest = crashed.history(np.array([before, during, after], float))
    assert up.family.name == "up"
    assert up.values.tolist() == [1, 0, 1]
    assert rest
    assert all(during not in each.times for each in rest)
    assert [each.family.name for each in crashed.history(np.array([during], float))] == ["up"]
