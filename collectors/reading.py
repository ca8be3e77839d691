"""Reading: everything that the booking of some hours needs, from one cluster's Prometheus."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np

from collectors.decode import LabelSet, Samples, join
from collectors.exporters import vocabularies_of
from collectors.prometheus import Expression, Prometheus, Selector, one_of
from collectors.tables import Tables
from collectors.vocabulary import Fact, Memory, Of, Read, Vocabulary, host
from queries.ledger.book import MARGIN, MEMORY
from queries.ledger.inputs import Inputs
from queries.window import Window, milliseconds

Told = tuple[LabelSet, float]
Question = Read | Fact
Answered = Samples | list[Told]

READERS = 3
"""How many queries are under way at once: Prometheus answers one while another is decoded."""

LONGEST = 10_000
"""Where the names of pods or nodes take more characters, all are read: so long a list helps no index, and
VictoriaMetrics refuses a query of 16 KiB."""

RECALL = timedelta(minutes=5)
"""How finely the time of a silent node's last sample is searched for."""

ROUNDS: tuple[tuple[Of, ...], ...] = (("cluster",), ("pods", "nodes", "namespaces", "jobs"))
"""What is narrowed is read after what names the pods, nodes, namespaces and jobs."""

NAMES_AT_ONCE = 60
"""So many metrics are asked for at once: an address that is longer would not pass every proxy."""


def read_inputs(prometheus: Prometheus, window: Window, now: datetime) -> Inputs:
    """Read what is needed to book whole hours, with the margins around them.

    Raises:
        PrometheusError: it could not be read to the end. Nothing is booked from half a reading.
    """
    around = Window(window.start - MARGIN, max(min(window.end + MARGIN, now), window.start))
    spoken = vocabularies_of(prometheus.cluster)
    present = metrics_present(prometheus, spoken, Window(window.start - MEMORY, around.end))
    tables = read_tables(prometheus, present, around)
    for vocabulary in spoken:
        if vocabulary.memory and vocabulary.metrics & present:
            remember(prometheus, vocabulary.memory, window.start, tables)
    return tables.inputs()


def read_tables(prometheus: Prometheus, present: set[str], around: Window) -> Tables:
    """What the vocabularies say of some time, of the metrics that are there."""
    asked = [question for vocabulary in vocabularies_of(prometheus.cluster) for question in vocabulary.questions]
    tables = Tables()
    with ThreadPoolExecutor(READERS, thread_name_prefix=f"read-{prometheus.cluster.name}") as pool:
        for scopes in ROUNDS:
            due = [
                question
                for question in asked
                if question.selector.metric in present and is_due(question, scopes, tables)
            ]
            bundles = bundled(due)
            answers = [
                pool.submit(answer, prometheus, questions, narrowed(questions, tables), around) for questions in bundles
            ]
            for questions, answered in zip(bundles, answers, strict=True):
                take_over(tables, questions, answered.result())
    return tables


def metrics_present(prometheus: Prometheus, vocabularies: list[Vocabulary], window: Window) -> set[str]:
    """Which of the vocabularies' metrics a cluster's Prometheus has. Read from its index alone."""
    names = sorted({name for vocabulary in vocabularies for name in vocabulary.metrics})
    present: set[str] = set()
    for first in range(0, len(names), NAMES_AT_ONCE):
        some = Selector("", (one_of("__name__", names[first : first + NAMES_AT_ONCE]),))
        present |= prometheus.label_values("__name__", some, window)
    return present


def is_due(question: Question, scopes: tuple[Of, ...], tables: Tables) -> bool:
    return question.of in scopes and (question.of == "cluster" or bool(tables.names(question.of)))


def bundled(questions: list[Question]) -> list[list[Question]]:
    """Facts that differ in their metric alone are asked for together."""
    bundles: dict[tuple[object, ...], list[Question]] = {}
    for question in questions:
        selector = question.selector
        is_bare = isinstance(question, Fact) and isinstance(selector, Selector) and not selector.matchers
        key = (question.of, question.exporter, None if is_bare else question)
        bundles.setdefault(key, []).append(question)
    return list(bundles.values())


def narrowed(questions: list[Question], tables: Tables) -> Selector | Expression:
    """The selector, for the pods, nodes or jobs that have to do with GPUs alone, if their labels tell them."""
    first = questions[0]
    of, selector = first.of, first.selector
    if len(questions) > 1:
        selector = Selector("", (one_of("__name__", {question.selector.metric for question in questions}),))
    names = tables.names(of)
    label = of.rstrip("s")
    matcher = one_of(label, names)
    if of == "cluster" or len(matcher) > LONGEST or (first.exporter, label) in tables.renamed:
        return selector
    return selector.where(matcher)


def answer(
    prometheus: Prometheus, questions: list[Question], selector: Selector | Expression, around: Window
) -> Answered:
    """Every sample of a read's series; of the series of facts only the last."""
    if isinstance(questions[0], Read):
        return prometheus.read(selector, around)
    length = selector.during(around.length, prometheus.cluster.step)
    return prometheus.ask(f"last_over_time($selector{length})", selector, around.end)


def take_over(tables: Tables, questions: list[Question], answered: Answered) -> None:
    for question in questions:
        if isinstance(question, Read) and isinstance(answered, Samples):
            tables.add_samples(question, answered)
        elif isinstance(question, Fact) and isinstance(answered, list):
            metric = question.selector.metric
            tables.add_fact(question, [told for told in answered if told[0].get("__name__", metric) == metric])


def remember(prometheus: Prometheus, memory: Memory, start: datetime, tables: Tables) -> None:
    """Add the last sample of nodes that had fallen silent before the start: they keep their capacity for a while."""
    seen = tables.nodes_before(milliseconds(start), memory)
    for label in memory.node_labels:
        values = prometheus.label_values(label, memory.selector, Window(start - MEMORY, start))
        silent = {value for value in values if value and host(value) not in seen}
        for read in memory.reads if silent else ():
            if (
                recall(prometheus, read, read.selector.where(one_of(label, silent)), start, tables)
                and memory.is_any_enough
            ):
                break


def recall(
    prometheus: Prometheus, read: Read, selector: Selector | Expression, start: datetime, tables: Tables
) -> bool:
    """Add the last sample before the start of each of a selector's series: first find roughly when it was, then read
    it."""
    length = milliseconds(RECALL)
    roughly = f"max_over_time(timestamp(last_over_time($selector[{length}ms]))[{milliseconds(MEMORY)}ms:{length}ms])"
    found = prometheus.ask(roughly, selector, start - timedelta(milliseconds=1))
    times = {datetime.fromtimestamp(time, UTC) for _, time in found}
    pieces = [
        prometheus.read(selector, Window(time - RECALL, time + timedelta(milliseconds=1))) for time in sorted(times)
    ]
    last = join([piece for piece in pieces if len(piece)] or [Samples.empty()])
    is_last = np.append(last.series[1:] != last.series[:-1], True)[: len(last)]
    tables.add_samples(read, Samples(last.labels, last.series[is_last], last.times[is_last], last.values[is_last]))
    return len(last) > 0
