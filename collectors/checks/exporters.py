"""What the exporters of GPUs tell, and how well."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from collectors.examination import Examination
from collectors.finding import Check, Finding, so_many
from collectors.prometheus import Selector, one_of
from queries.window import milliseconds


def no_exporter(examination: Examination) -> Iterator[Finding]:
    if examination.shown.capacity and not examination.shown.gpus:
        yield Finding(
            "warning",
            "no exporter tells of GPUs",
            "what is allocated is booked as held, the rest as free: nothing as busy, idle or unattributed",
            "run dcgm-exporter (or another that is known) on the nodes with GPUs, and have it scraped",
        )


def told_twice(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    copies = Counter((gpu.device, gpu.reading, gpu.holder) for gpu in shown.gpus if shown.replicas(gpu.node) == 1)
    doubled = {device for (device, _, _), count in copies.items() if count > 1}
    if doubled:
        yield Finding(
            "note",
            f"the same is told of {so_many(len(doubled), 'GPU')} by several series at once",
            "the largest value counts, so nothing is booked twice; but all of them are read",
            "scrape each exporter once, and run one on each node",
        )


def old_labels(examination: Examination) -> Iterator[Finding]:
    names = {read.selector.metric for vocabulary, read in examination.reads("gpu_series") if vocabulary.name == "dcgm"}
    if not names:
        return
    asked = f"count(last_over_time($selector[{milliseconds(examination.window.length)}ms]))"
    old, new = (
        sum(
            count
            for _, count in examination.prometheus.ask(
                asked, Selector("", (one_of("__name__", names), f'{label}!=""')), examination.window.end
            )
        )
        for label in ("Hostname", "hostname")
    )
    if old:
        yield Finding(
            "note",
            "dcgm-exporter writes the label Hostname, as it did before 4.5.3"
            + (f": {old:.0f} series do, {new:.0f} write hostname" if new else ""),
            "nothing: a GPU is known by its UUID, and an upgrade does not make it another",
            "nothing here; queries of your own by Hostname break with the upgrade",
        )


def impossible_values(examination: Examination) -> Iterator[Finding]:
    shown = examination.shown
    bad = shown.impossible()
    if not bad.any():
        return
    numbers = set(np.unique(shown.series[bad]).tolist())
    metrics = sorted(
        {
            read.selector.metric
            for _, read in examination.reads("gpu_series")
            if numbers & set(shown.tables.series_of(read.selector.metric))
        }
    )
    yield Finding(
        "warning",
        f"{int(bad.sum())} of {len(bad)} samples cannot be true: {', '.join(metrics) or 'of the scheduler'}",
        "they count as not told: where it is the utilization, the time is held",
        "update the exporter and the driver: these are the numbers that stand for no value, or spikes",
    )


CHECKS = (
    Check("no_exporter", "an exporter tells of GPUs", no_exporter),
    Check("told_twice", "nothing is told twice of a GPU", told_twice),
    Check("old_labels", "no exporter from before its labels were renamed", old_labels),
    Check("impossible_values", "no sample has a value that cannot be true", impossible_values),
)
