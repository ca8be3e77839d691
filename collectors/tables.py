"""Tables: what was read of a cluster, as it becomes the booking's input. Series and devices get numbers."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from collectors.decode import LabelSet, Samples
from collectors.devices import with_devices
from collectors.vocabulary import Fact, Memory, Of, Read, Row, host
from queries.ledger.inputs import SCHEMAS, Inputs


@dataclass
class Tables:
    """Rows per table of the booking, and samples by the number of their series."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    samples: list[pa.Table] = field(default_factory=list)
    renamed: set[tuple[str, str]] = field(default_factory=set)
    """Of each exporter, the labels that Prometheus renamed to exported_..., because a scrape target has one of the same
    name."""
    _rows_of: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """By metric, what was made of its series."""
    _scrapes: dict[str, int] = field(default_factory=dict)
    _names_of: dict[Of, tuple[int, set[str]]] = field(default_factory=dict)
    """What names() found, among how many rows."""

    def add_samples(self, read: Read, samples: Samples) -> list[Row | None]:
        """Take over the answer to a read.

        Returns:
            For each of its series the row that was made of it, or None where the series is not ours.
        """
        if read.by_value:
            samples = split_by_value(samples)
        names, label = self.names(read.of), read.of.rstrip("s")
        rows = [self._row_of_series(read, labels, names, label) for labels in samples.labels]
        numbers = np.array([-1 if row is None else row["series"] for row in rows], np.int32)
        if len(samples):
            self.samples.append(numbered(samples, numbers))
        return rows

    def add_fact(self, fact: Fact, found: Iterable[tuple[LabelSet, float]]) -> None:
        for labels, value in found:
            self._note_renaming(fact.exporter, labels)
            row = fact.row(labels, value)
            if row is not None:
                self.rows[fact.table].append(row)

    def names(self, of: Of) -> set[str]:
        """The pods, nodes, namespaces or scrape jobs that have to do with GPUs, by what was read so far. An exporter
        may name its own pod as the node."""
        gpus, requests, nodes = (self.rows[table] for table in ("gpu_series", "requests", "node_series"))
        size = len(gpus) + len(requests) + len(nodes)
        if self._names_of.get(of, (-1, set()))[0] != size:
            named: dict[Of, Iterable[object]] = {
                "pods": chain(
                    (row.get(label) for row in gpus for label in ("pod", "exported_pod", "node")),
                    (row["pod"] for row in requests),
                ),
                "nodes": (row["node"] for row in chain(gpus, nodes)),
                "namespaces": chain(
                    (row.get(label) for row in gpus for label in ("namespace", "exported_namespace")),
                    (row["namespace"] for row in requests),
                ),
                "jobs": (row["job"] for row in gpus),
                "cluster": (),
            }
            self._names_of[of] = size, {str(name) for name in named[of] if name}
        return self._names_of[of][1]

    def nodes_before(self, time: int, memory: Memory) -> set[str]:
        """The nodes of whose capacity there is a sample before a time (Unix milliseconds), by the reads that would
        remember them."""
        before = [table.filter(pc.less(table["time"], time))["series"].unique().to_pylist() for table in self.samples]
        seen = {number for numbers in before for number in numbers}
        rows = [row for read in memory.reads for row in self._rows_of[read.selector.metric]]
        shown = [row for row in rows if row["series"] in seen]
        return {name for row in shown for name in (str(row["node"]), host(str(row.get("instance", "")))) if name}

    def series_of(self, metric: str) -> list[int]:
        """The numbers of the series that were read of a metric."""
        return [int(str(row["series"])) for row in self._rows_of[metric]]

    def inputs(self) -> Inputs:
        """The booking's input."""
        empty = SCHEMAS["samples"].empty_table()
        self.rows |= with_devices(self.rows)
        return Inputs.of_rows(pa.concat_tables([empty, *self.samples]), self.rows)

    def _row_of_series(self, read: Read, labels: LabelSet, names: set[str], label: str) -> Row | None:
        """names: those of pods or nodes (label) that a read is narrowed to; Prometheus could not always do it."""
        self._note_renaming(read.exporter, labels)
        row = read.row(labels)
        if row is None or (read.of != "cluster" and row.get(label) not in names):
            return None
        source = read.source
        number = len(self.rows["series"])
        self.rows["series"].append(
            {
                "series": number,
                "scrape": self._scrapes.setdefault(labels.get("job", ""), len(self._scrapes)),
                "counter": source.counter,
                "scale": source.scale,
                "minimum": source.range[0],
                "maximum": source.range[1],
            }
        )
        row = row | {"series": number, "exporter": source.exporter}
        self.rows[read.table].append(row)
        self._rows_of[read.selector.metric].append(row)
        return row

    def _note_renaming(self, exporter: str, labels: LabelSet) -> None:
        self.renamed |= {(exporter, label) for label in ("pod", "node", "namespace") if f"exported_{label}" in labels}


def numbered(samples: Samples, numbers: NDArray[np.int32]) -> pa.Table:
    """The samples with the numbers of their series; a negative number means that the series is not ours."""
    table = pa.table([numbers[samples.series], samples.times, samples.values], schema=SCHEMAS["samples"])
    return table.filter(pc.greater_equal(table["series"], 0)) if (numbers < 0).any() else table


def split_by_value(samples: Samples) -> Samples:
    """Each value of a series as a series of its own, with the value as a whole number in the label ``value``."""
    keys, series = np.unique(np.stack([samples.series, samples.values]), axis=1, return_inverse=True)
    order = np.lexsort((samples.times, series))
    labels = [samples.labels[int(number)] | {"value": f"{value:.0f}"} for number, value in keys.T]
    return Samples(labels, series[order].astype(np.int32), samples.times[order], samples.values[order])
