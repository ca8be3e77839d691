"""Kueue: how many workloads wait in a cluster queue, and how many it has admitted."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import Labels, Read, Row, Vocabulary, source_of


def queue(metric: str, labels: Labels) -> Row | None:
    project = labels.get("cluster_queue")
    row: Row = {"metric": metric, "kind": "project", "project": project, "part": labels.get("status", "")}
    return row if project else None


def read(metric: str) -> Read:
    source = source_of(metric, "kueue")
    return Read(Selector(source.series), "entity_series", partial(queue, metric), source)


VOCABULARY = Vocabulary("kueue", "Kueue", (read("workloads_pending"), read("workloads_admitted")))
