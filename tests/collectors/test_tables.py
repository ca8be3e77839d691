"""Tables: what was read, as the booking's input."""

import numpy as np
import pytest

from collectors.decode import Samples
from collectors.exporters.kube_state import VOCABULARY
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
