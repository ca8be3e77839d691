"""Kueue: how many workloads wait in a cluster queue, and how many it has admitted."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import Labels, Read, Row, Vocabulary
from queries.catalogue import METRICS


def queue(metric: str, labels: Labels) -> Row | None:
    project = labels.get("cluster_queue")
    return {"metric": metric, "project": project, "part": labels.get("status", "")} if project else None


def read(metric: str) -> Read:
    source = METRICS[metric].entry.sources[0]
    return Read(Selector(source.series), "project_series", partial(queue, metric), source)


VOCABULARY = Vocabulary("kueue", (read("workloads_pending"), read("workloads_admitted")))
