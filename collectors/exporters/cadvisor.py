"""cAdvisor, in each node's kubelet: the processor time and the memory of pods."""

from functools import partial

from collectors.prometheus import Selector
from collectors.vocabulary import Labels, Read, Row, Vocabulary, source_of, told

OF_PODS = ('pod!=""', 'container!="POD"')
"""Not of the node, nor of the pause containers."""

OF_ALL_CORES = ('cpu=~"total|"',)
"""Some runtimes tell each core too."""


def pod(metric: str, labels: Labels) -> Row:
    """The pod's own group of processes is the whole, of which its containers are the parts: not every runtime tells
    both."""
    names: Row = {name: told(labels, name) for name in ("namespace", "pod")}
    return {"metric": metric, "kind": "pod", "part": told(labels, "container")} | names


def read(metric: str, *matchers: str) -> Read:
    source = source_of(metric, "cadvisor")
    selector = Selector(source.series, (*OF_PODS, *matchers))
    return Read(selector, "entity_series", partial(pod, metric), source, of="pods")


VOCABULARY = Vocabulary(
    "cadvisor",
    "cAdvisor",
    (read("pod_cpu_used_cores", *OF_ALL_CORES), read("pod_memory_used_bytes")),
)
