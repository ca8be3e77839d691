"""Prometheus' node_exporter: the processor time and the memory of nodes. Its series of each core and mode are summed by
Prometheus."""

from functools import partial

from collectors.prometheus import Expression, Selector
from collectors.vocabulary import Fact, Labels, Read, Row, Vocabulary, host, source_of

WORKING = Selector("node_cpu_seconds_total", ('mode!~"idle|iowait"',))
IDLE = Selector("node_cpu_seconds_total", ('mode="idle"',))
TOTAL, AVAILABLE = Selector("node_memory_MemTotal_bytes"), Selector("node_memory_MemAvailable_bytes")


def node(metric: str, labels: Labels) -> Row:
    return {
        "metric": metric,
        "kind": "node",
        "node": labels.get("node") or host(labels.get("instance", "")),
        "part": "",
    }


def uname(labels: Labels, _: float) -> Row:
    return {"node": labels.get("nodename", ""), "addresses": [host(labels.get("instance", ""))]}


def read(metric: str, selector: Selector | Expression) -> Read:
    return Read(selector, "entity_series", partial(node, metric), source_of(metric, "node_exporter"))


VOCABULARY = Vocabulary(
    "node_exporter",
    "node_exporter",
    (
        read("node_cpu_used_cores", Expression("sum without (cpu, mode) (rate($0[5m]))", (WORKING,))),
        read("node_cpu_cores", Expression("count without (cpu, mode) ($0)", (IDLE,))),
        read("node_memory_used_bytes", Expression("$1 - $0", (AVAILABLE, TOTAL))),
        read("node_memory_total_bytes", TOTAL),
    ),
    (Fact(Selector("node_uname_info"), "node_addresses", uname),),
)
