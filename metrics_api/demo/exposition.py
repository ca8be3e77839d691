"""Exposition: series as exporters print them, as Prometheus stores them, and as promtool reads them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from metrics_api.demo.fleet import Floats

Labels = Mapping[str, str]

NUMBER = "%.15g"
"""How values are written: counters of many digits without an exponent, as exporters do."""


@dataclass(frozen=True)
class Family:
    """A metric as an exporter declares it."""

    name: str
    kind: str
    help: str


@dataclass(frozen=True)
class Series:
    """One series and its values at some times (Unix seconds)."""

    family: Family
    labels: Labels
    times: Floats
    values: Floats


@dataclass(frozen=True)
class Target:
    """What Prometheus scrapes. labels: what service discovery attaches to everything that comes from it."""

    path: str
    labels: Labels
    honors_labels: bool

    def stored(self, labels: Labels) -> dict[str, str]:
        """The labels under which a series is stored: where both sides have one, the exporter's is kept or renamed."""
        merged = {name: value for name, value in labels.items() if value}
        for name, value in self.labels.items():
            if name not in merged:
                merged[name] = value
            elif not self.honors_labels:
                merged[f"exported_{name}"] = merged[name]
                merged[name] = value
        return merged


def print_page(series: Iterable[Series]) -> str:
    """What an exporter answers: the text format, with the values of the first time."""
    lines: list[str] = []
    for family, members in by_family(series):
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        lines += [f"{family.name}{written(each.labels)} {NUMBER % each.values[0]}" for each in members]
    return "\n".join([*lines, ""])


def print_history(targets: Iterable[tuple[Target, Iterable[Series]]]) -> Iterator[str]:
    """What promtool reads: OpenMetrics with times, by family, under the labels that a scrape would have stored."""
    stored = [
        Series(each.family, {**target.stored(each.labels), "job": target.labels["job"]}, each.times, each.values)
        for target, series in targets
        for each in series
    ]
    for family, members in by_family(stored):
        yield f"# TYPE {family.name} gauge\n"
        for each in members:
            name = f"{family.name}{written(each.labels)}"
            values = np.char.mod(NUMBER, each.values)
            times = np.char.mod("%d", each.times)
            yield "".join(f"{name} {value} {time}\n" for value, time in zip(values, times, strict=True))
    yield "# EOF\n"


def by_family(series: Iterable[Series]) -> Iterator[tuple[Family, list[Series]]]:
    families: dict[str, list[Series]] = {}
    for each in series:
        families.setdefault(each.family.name, []).append(each)
    for members in families.values():
        yield members[0].family, members


def written(labels: Labels) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    inside = ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""
