"""Run:ai: how much each GPU works and which pods hold it, by node and index; and what projects are guaranteed. Names of
2.8 and of 2.17 and later."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import (
    Labels,
    Read,
    Row,
    Vocabulary,
    gpu_row,
    memory_of,
    pod_named,
    readings_of,
    source_of,
    told,
)
from queries.catalogue import Reading, Source

ALLOCATIONS = ("runai_allocated_gpu_count_per_gpu", "runai_gpu_is_allocated")
"""Told of every GPU, also of those that nobody holds."""


def gpu(reading: Reading | None, labels: Labels) -> Row | None:
    node, index = told(labels, "node"), labels.get("gpu")
    if not node or not index:
        return None
    return gpu_row(
        labels,
        node,
        reading,
        gpu=index,
        **pod_named(labels.get("pod_namespace"), labels.get("pod_name")),
        pod_uid=labels.get("pod_uuid"),
        names_holders=True,
    )


def quota(labels: Labels) -> Row | None:
    project = labels.get("project")
    return {"metric": "gpus_quota", "kind": "project", "project": project, "part": ""} if project else None


READS = tuple(
    Read(Selector(reading.source.series), "gpu_series", partial(gpu, reading), reading.source)
    for reading in readings_of("runai")
)

QUOTA = source_of("gpus_quota", "runai")

VOCABULARY = Vocabulary(
    "runai",
    "Run:ai",
    (
        *READS,
        *(
            Read(Selector(series), "gpu_series", partial(gpu, None), Source(exporter="runai", series=series))
            for series in ALLOCATIONS
        ),
        Read(Selector(QUOTA.series), "entity_series", quota, QUOTA),
    ),
    memory=memory_of(READS, "node", "exported_node"),
)
