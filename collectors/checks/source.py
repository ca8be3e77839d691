"""Whether there is anything to collect, and whether it is this cluster's alone."""

from collections.abc import Iterator
from datetime import timedelta

from collectors.examination import Examination
from collectors.finding import Check, Finding
from collectors.prometheus import Selector, one_of
from collectors.registry import ConflictError
from queries.window import milliseconds

REPLICA_LABELS = ("prometheus_replica", "replica", "__replica__", "receive_replica")
"""The labels by which Thanos and Mimir tell apart the Prometheus servers of a pair."""

SKEW = timedelta(seconds=10)


def nothing_to_collect(examination: Examination) -> Iterator[Finding]:
    if examination.shown.gpus or examination.shown.capacity:
        return
    cluster = examination.cluster
    if cluster.match:
        fix = f"check clusters.match: is there a series with {cluster.match}?"
    elif cluster.vocabularies != "auto":
        fix = f"check clusters.vocabularies, which names {', '.join(cluster.vocabularies)}; auto reads what is there"
    else:
        titles = ", ".join(vocabulary.title for vocabulary in examination.vocabularies)
        fix = f"have this Prometheus scrape an exporter of GPUs and kube-state-metrics; known are: {titles}"
    yield Finding(
        "error", "no series of a GPU, and no scheduler's count of them, in 15 minutes", "nothing is collected", fix
    )


def vocabularies_not_spoken(examination: Examination) -> Iterator[Finding]:
    if examination.cluster.vocabularies == "auto":
        return
    silent = sorted(set(examination.cluster.vocabularies) - {spoken.name for spoken in examination.spoken})
    if silent:
        yield Finding(
            "warning",
            f"clusters.vocabularies names {', '.join(silent)}, of which there is no series",
            "what it would tell is missing",
            "take it out of clusters.vocabularies, or have it scraped",
        )


def gpus_in_two_clusters(examination: Examination) -> Iterator[Finding]:
    gpus = {gpu.device[0] for gpu in examination.shown.gpus}
    try:
        conflict = examination.registry.conflict(examination.cluster.name, gpus, examination.window)
    except ConflictError as error:
        yield Finding("warning", str(error), "until then, it is not collected", "see to the other cluster first")
        return
    if conflict:
        yield Finding("error", str(conflict), "it is not collected: its GPUs would be booked twice", conflict.advice)


def several_servers(examination: Examination) -> Iterator[Finding]:
    if examination.server.replicas > 1:
        yield Finding(
            "warning",
            f"{examination.server.replicas} servers, each with data of its own, answer at this address by turns",
            "each reading shows other samples; gaps of one are booked as gaps, also where another has the samples",
            "name the address of one of them, or put Thanos or Mimir before them, which join what they have",
        )


def replicas_not_joined(examination: Examination) -> Iterator[Finding]:
    names = {read.selector.metric for _, read in examination.reads("gpu_series")}
    for label in REPLICA_LABELS:
        selector = Selector("", (one_of("__name__", names or {"up"}), f'{label}!=""'))
        found = examination.prometheus.label_values(label, selector, examination.window) if names else set()
        if len(found) > 1:
            yield Finding(
                "note",
                f"every series is there {len(found)} times, told apart by the label {label!r}",
                f"nothing is counted twice, but {len(found)} times as much is read",
                f"let Thanos join them (--query.replica-label={label}), or choose one by clusters.match",
            )


def clocks_differ(examination: Examination) -> Iterator[Finding]:
    skew = examination.server.skew
    if abs(skew) > SKEW:
        seconds = abs(milliseconds(skew)) / 1000
        yield Finding(
            "warning",
            f"its clock is {seconds:.0f} s {'ahead of' if skew > timedelta(0) else 'behind'} this machine's",
            "the newest minutes are read too early or too late, and the open hour is never quite right",
            "synchronise both machines' clocks (NTP)",
        )


CHECKS = (
    Check("nothing_to_collect", "there is something to collect", nothing_to_collect),
    Check("gpus_in_two_clusters", "no GPU is in another configured cluster too", gpus_in_two_clusters),
    Check("vocabularies_not_spoken", "no vocabulary is set that is not spoken", vocabularies_not_spoken),
    Check("several_servers", "one server answers at the address", several_servers),
    Check("replicas_not_joined", "no series is there once for each replica of Prometheus", replicas_not_joined),
    Check("clocks_differ", "its clock and this machine's agree", clocks_differ),
)
