"""Kueue: how many workloads wait in a cluster queue, how many it has admitted, and how many GPUs it may hand out."""

import re
from functools import partial

from collectors.exporters.kube_state import WHOLE_OR_CUT
from collectors.prometheus import Selector
from collectors.vocabulary import Labels, Read, Row, Vocabulary, as_resource, source_of


def queue(metric: str, labels: Labels) -> Row | None:
    """Each replica of Kueue tells the same, in its own role: the role is no part."""
    project = labels.get("cluster_queue")
    row: Row = {"metric": metric, "kind": "project", "project": project, "part": labels.get("status", "")}
    return row if project else None


def quota(labels: Labels) -> Row | None:
    resource, row = as_resource(labels.get("resource", "")), queue("gpus_quota", labels)
    if row is None or not re.fullmatch(WHOLE_OR_CUT, resource):
        return None
    return row | {"part": f"{labels.get('flavor', '')}/{resource}", "resource": resource}


def read(metric: str) -> Read:
    source = source_of(metric, "kueue")
    return Read(Selector(source.series), "entity_series", partial(queue, metric), source)


QUOTA = source_of("gpus_quota", "kueue")

VOCABULARY = Vocabulary(
    "kueue",
    "Kueue",
    (
        read("workloads_pending"),
        read("workloads_admitted"),
        Read(Selector(QUOTA.series), "entity_series", quota, QUOTA),
    ),
)
