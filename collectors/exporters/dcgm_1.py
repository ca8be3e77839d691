"""dcgm-exporter 1.x, and later ones that are told to keep its names: the same fields under older names and labels."""

from functools import partial

from collectors.exporters import dcgm
from collectors.prometheus import Selector
from collectors.vocabulary import Labels, Read, Row, Vocabulary, memory_of, pod_named, readings_of
from queries.catalogue import Reading


def gpu(reading: Reading, labels: Labels) -> Row | None:
    """The device, as the exporter of today would say it. Version 1 does not know its node's name: it is the scraped
    host."""
    row = dcgm.gpu(reading, {**labels, "UUID": labels.get("uuid", "")})
    return row and row | pod_named(labels.get("pod_namespace"), labels.get("pod_name"))


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("dcgm_1")
)

VOCABULARY = Vocabulary(
    "dcgm_1",
    "dcgm-exporter 1.x",
    READS,
    memory=memory_of(READS, "instance"),
    uuid_label="uuid",
)
