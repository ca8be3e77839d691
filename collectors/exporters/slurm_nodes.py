"""Slurm's exporters (SckyzO's, vpenso's, Nebius Soperator's, and Slurm's own): which GPUs nodes have, and their states.
None of them says who holds which GPU."""

import re

from collectors.prometheus import Selector, one_of
from collectors.vocabulary import Fact, Labels, Memory, Read, Row, Vocabulary, job_fact
from queries.catalogue import Source

DOWN = {"down", "fail", "failing", "failg", "error", "inval", "invalid", "unknown", "unk"}
DRAINED = {"drain", "drained", "draining", "drng", "maint", "maintenance"}
"""Nothing new starts there; what runs may go on."""

NODE_LABELS = ("node", "exported_node")
MIG = re.compile(r"\d+g\.\d+gb")


def node(fact: str, resource: str, labels: Labels) -> Row | None:
    name = labels.get("exported_node") or labels.get("node") or labels.get("node_name")
    row: Row = {"node": name, "fact": fact, "resource": resource, "knows_holders": False}
    return row if name else None


def gpus(labels: Labels) -> Row | None:
    """A node without GPUs is none of ours."""
    kind = labels.get("gres_type", "")
    profile = MIG.search(kind)
    resource = f"nvidia_com_mig_{profile[0].replace('.', '_')}" if profile else kind
    return node("gpus", resource, labels) if labels["value"] != "0" else None


def state(labels: Labels) -> Row | None:
    return node(fact_of(labels.get("status", "")), "", labels)


def state_of_info(labels: Labels) -> Row | None:
    flags = [name for name in ("drain", "maintenance", "fail", "invalid") if labels.get(f"state_is_{name}") == "true"]
    return node(fact_of("+".join([labels.get("state_base", ""), *flags])), "", labels)


def fact_of(text: str) -> str:
    """What a state means, as in ``down*`` or ``mixed+drain``: beside its words it carries signs."""
    words = set(re.findall(r"[a-z_]+", text.lower()))
    return "down" if words & DOWN else "drained" if words & DRAINED else "listed"


def job(labels: Labels, _: float) -> Row | None:
    return job_fact(labels.get("job_id"), name=labels.get("job_name"), user=labels.get("user_name"))


def source(series: str) -> Source:
    return Source(exporter="slurm_nodes", series=series, range=(0, 1e6))


COUNTS = tuple(
    Read(Selector(series, matchers), "node_series", gpus, source(series), by_value=True)
    for series, matchers in (("slurm_node_gres_total", ('gres_type=~"gpu(:.+)?"',)), ("slurm_node_gpus", ()))
)

STATES = tuple(
    Read(Selector(series, matchers), "node_series", row, source(series))
    for series, matchers, row in (
        ("slurm_node_status", (), state),
        ("slurm_node_cpu_total", ('status!=""',), state),
        ("slurm_node_info", (), state_of_info),
    )
)

VOCABULARY = Vocabulary(
    "slurm_nodes",
    "Slurm exporters",
    (*COUNTS, *STATES),
    (Fact(Selector("slurm_job_info", ('job_state="RUNNING"',)), "job_facts", job),),
    memory=Memory(
        Selector("", (one_of("__name__", [read.selector.metric for read in COUNTS]),)),
        NODE_LABELS,
        COUNTS,
        is_any_enough=False,
    ),
)
