"""Series as tests write them: a name with labels, and values a minute apart as in ``0.5x30 _x5 1x25`` (``_``: no
sample; ``@5``: the Unix second of minute 5) or, of a counter, ``1000+18x60`` (60 values, each 18 more than the one
before)."""

import re
from collections.abc import Iterator
from datetime import datetime

LINE = re.compile(r"(?P<name>\w+)(?P<labels>\{.*\})?\s+(?P<values>[^{}]+)")
RUN = re.compile(r"(?P<value>[^x+\s]+)(?:\+(?P<growth>\d+))?(?:x(?P<count>\d+))?")


def openmetrics(text: str, start: datetime, step: float = 60) -> str:
    """What promtool reads. A line ``@30`` sets the seconds between the samples of the lines that follow."""
    families: dict[str, list[str]] = {}
    for line in text.splitlines():
        written = line.split("#")[0].strip()
        if written.startswith("@"):
            step = float(written[1:])
        elif written:
            match = LINE.fullmatch(written)
            assert match, f"not a series: {line}"
            name = f"{match['name']}{match['labels'] or ''}"
            families.setdefault(match["name"], []).extend(samples(name, match["values"], start.timestamp(), step))
    lines = [line for name, found in families.items() for line in (f"# TYPE {name} gauge", *found)]
    return "\n".join([*lines, "# EOF", ""])


def samples(name: str, values: str, start: float, step: float) -> Iterator[str]:
    place = 0
    for run in RUN.finditer(values):
        for number in range(int(run["count"] or 1)):
            if run["value"] != "_":
                value = value_of(run, number, start)
                yield f"{name} {value} {start + place * step:.3f}"
            place += 1


def value_of(run: re.Match[str], number: int, start: float) -> str:
    """The value of a run's sample. number: its place in the run."""
    value = run["value"]
    if value.startswith("@"):
        return f"{start + float(value[1:]) * 60:.3f}"
    return str(int(value) + number * int(run["growth"])) if run["growth"] else value
