"""How series become rows: what is ours, what is dropped, and what Prometheus may have renamed."""

import pytest

from collectors.exporters import VOCABULARIES, dcgm, kube_state, kueue, targets
from collectors.vocabulary import Vocabulary
from queries.catalogue import METRICS, READINGS
from queries.ledger.inputs import SCHEMAS

READING = READINGS["dcgm", "DCGM_FI_DEV_GPU_UTIL"]
GPU = {"UUID": "GPU-a", "gpu": "0", "modelName": "NVIDIA H100", "Hostname": "n1"}


def test_every_source_of_the_catalogue_is_read() -> None:
    read = {(name, each.selector.metric) for name, vocabulary in VOCABULARIES.items() for each in vocabulary.reads}
    read |= {(name, each.selector.metric) for name, vocabulary in VOCABULARIES.items() for each in vocabulary.facts}
    told = {(source.exporter, source.series) for metric in METRICS.values() for source in metric.entry.sources}
    assert told <= read


def test_a_gpu_is_its_uuid_and_instance() -> None:
    row = dcgm.gpu(READING, GPU | {"GPU_I_ID": "7", "GPU_I_PROFILE": "1g.10gb"})
    assert row
    assert (row["gpu_uuid"], row["gpu_instance"], row["gpu_profile"]) == ("GPU-a", "7", "1g.10gb")


@pytest.mark.parametrize(
    ("labels", "node"),
    [({"Hostname": "old"}, "old"), ({"hostname": "new"}, "new"), ({"hostname": "new", "Hostname": "old"}, "new")],
)
def test_the_host_label_may_be_written_either_way(labels: dict[str, str], node: str) -> None:
    row = dcgm.gpu(READING, {"UUID": "GPU-a", **labels})
    assert row
    assert row["node"] == node


@pytest.mark.parametrize(
    "labels",
    [
        {"gpu": "0"},
        {"UUID": ""},
        {"UUID": "GPU-a", "GPU_I_ID": "7"},
        {"UUID": "GPU-a", "GPU_I_ID": "7", "GPU_I_PROFILE": "g"},
        {"UUID": "GPU-a", "GPU_I_ID": "7", "GPU_I_PROFILE": "'; drop table"},
    ],
)
def test_a_device_that_cannot_be_told_is_not_booked(labels: dict[str, str]) -> None:
    assert dcgm.gpu(READING, labels) is None


def test_labels_that_prometheus_renamed_are_read_as_they_were_said() -> None:
    labels = {"namespace": "monitoring", "exported_namespace": "team", "pod": "ksm-0", "exported_pod": "p", "uid": "u"}
    assert kube_state.pod(labels) == {"namespace": "team", "pod": "p", "uid": "u"}


def test_a_pod_without_an_owner_has_none() -> None:
    assert kube_state.pod_owner({"pod": "p", "owner_kind": "<none>", "owner_name": "<none>"}, 1) is None


def test_labels_of_pods_are_kept_as_they_are() -> None:
    hostile = "</script>'; drop table ledger; --"
    row = kube_state.pod_labels({"pod": "p", "label_project": hostile}, 1)
    assert row["labels"] == [("label_project", hostile)]


def test_queues_are_projects() -> None:
    row = kueue.queue("workloads_pending", {"cluster_queue": "llm", "status": "active"})
    assert row == {"metric": "workloads_pending", "kind": "project", "project": "llm", "part": "active"}
    assert kueue.queue("workloads_pending", {"status": "active"}) is None


def test_a_target_without_a_pod_says_so() -> None:
    assert targets.target({"job": "dcgm", "instance": "h:9400"}, 1) == {
        "job": "dcgm",
        "instance": "h:9400",
        "namespace": "",
        "pod": "",
    }


NEEDED = (
    *("container_id", "allocation_id", "task_id", "experiment_id"),
    *("uuid", "jobid", "job_id", "slurmjobid", "serial_number", "hostname", "gpuuuid", "gpu_uuid", "project"),
)
"""Labels without which one exporter or another tells nothing."""

FOR_DEVICES = ("gpu_uuid", "gpu_instance", "mig_uuid", "is_of_node", "addresses", "is_own")
"""What rows have beside, for the devices to be found by."""


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
def test_rows_have_columns_of_their_table(vocabulary: Vocabulary) -> None:
    labels = GPU | {"node": "n1", "cluster_queue": "q", "owner_name": "o", "namespace": "ns", "pod": "p"}
    labels |= {"annotation_gpu_fraction": "0.5", "resource": "requests.nvidia.com/gpu", "value": "1"}
    labels |= dict.fromkeys(NEEDED, "1")
    rows = [(read.table, read.row(labels)) for read in vocabulary.reads]
    rows += [(fact.table, fact.row(labels, 1.0)) for fact in vocabulary.facts]
    for table, row in rows:
        assert row
        assert set(row) <= {*SCHEMAS.get(table, SCHEMAS["node_facts"]).names, *FOR_DEVICES}
