"""Tables: what was read, as the booking's input."""

import numpy as np
import pytest

from collectors.decode import Samples
from collectors.exporters import cadvisor
from collectors.exporters.kube_state import VOCABULARY
from collectors.reading import narrowed
from collectors.tables import Tables
from collectors.vocabulary import Memory, Read


def read_of(metric: str) -> Read:
    return next(read for read in VOCABULARY.reads if read.selector.metric == metric)


def memory() -> Memory:
    assert VOCABULARY.memory
    return VOCABULARY.memory


@pytest.mark.parametrize(
    ("metric", "labels", "nodes"),
    [
        ("kube_node_status_capacity", {"resource": "nvidia_com_gpu"}, {"n1"}),
        ("kube_node_status_condition", {"condition": "Ready", "status": "true"}, set()),
    ],
)
def test_only_a_node_whose_gpus_were_counted_needs_no_looking_back(
    metric: str, labels: dict[str, str], nodes: set[str]
) -> None:
    tables = Tables()
    labels = {"node": "n1", **labels}
    tables.add_samples(read_of(metric), Samples([labels], np.array([0]), np.array([1_000]), np.array([8.0])))
    assert tables.nodes_before(2_000, memory()) == nodes
    assert tables.nodes_before(1_000, memory()) == set()


def tables_of_a_pod() -> Tables:
    """A GPU that pod p holds; the labels of kube-state-metrics were renamed."""
    tables = Tables()
    tables.rows["gpu_series"].append({"pod": "p", "node": "n1", "job": "dcgm"})
    (running,) = [read for read in VOCABULARY.reads if read.table == "pod_series"]
    tables.add_samples(
        running, samples_of({"exported_pod": "p", "pod": "ksm-0"}, {"exported_pod": "q", "pod": "ksm-0"})
    )
    return tables


def samples_of(*labels: dict[str, str]) -> Samples:
    count = len(labels)
    return Samples(list(labels), np.arange(count, dtype=np.int32), np.zeros(count, np.int64), np.ones(count))


def test_of_pods_without_gpus_nothing_is_kept_even_where_prometheus_could_not_leave_them_out() -> None:
    assert [row["pod"] for row in tables_of_a_pod().rows["pod_series"]] == ["p"]


def test_labels_that_are_renamed_of_one_exporter_still_narrow_anothers_read() -> None:
    tables = tables_of_a_pod()
    (running,) = [read for read in VOCABULARY.reads if read.table == "pod_series"]
    assert narrowed([running], tables) == running.selector
    cores, _ = cadvisor.VOCABULARY.reads
    assert 'pod=~"n1|p"' in str(narrowed([cores], tables))
