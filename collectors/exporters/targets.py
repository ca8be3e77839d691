"""Prometheus itself: the labels of its scrape targets, which tell an exporter's own pod from the pods it speaks of."""

from collectors.prometheus import Selector
from collectors.vocabulary import Fact, Labels, Row, Vocabulary


def target(labels: Labels, _: float) -> Row:
    return {name: labels.get(name, "") for name in ("job", "instance", "namespace", "pod")}


VOCABULARY = Vocabulary("targets", "scrape targets", facts=(Fact(Selector("up"), "targets", target, of="jobs"),))
