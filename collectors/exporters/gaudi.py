"""Intel's Gaudi exporter: one series per accelerator, with the holding pod's name. Not read:
``accelerator_power_usage_watts``, which carries milliwatts, and ``habanalabs_energy``, whose unit is not told."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import (
    Fact,
    Labels,
    Read,
    Row,
    Vocabulary,
    gpu_row,
    host,
    memory_of,
    placed,
    pod_named,
    readings_of,
)
from queries.catalogue import Reading


def gpu(reading: Reading, labels: Labels) -> Row | None:
    uuid = labels.get("UUID")
    if not uuid:
        return None
    return gpu_row(
        labels,
        placed(labels),
        reading,
        gpu_uuid=uuid,
        gpu=labels.get("id"),
        **pod_named(labels.get("pod_namespace"), labels.get("pod_name")),
    )


def node(labels: Labels, _: float) -> Row | None:
    """On which node an exporter is; its other series do not say."""
    name = labels.get("exported_node") or labels.get("node")
    return {"node": name, "addresses": [host(labels.get("instance", ""))], "is_own": True} if name else None


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("gaudi")
)

VOCABULARY = Vocabulary(
    "gaudi",
    "Intel Gaudi exporter",
    READS,
    (Fact(Selector("habanalabs_kube_info"), "node_addresses", node),),
    memory=memory_of(READS, "instance"),
    uuid_label="UUID",
)
