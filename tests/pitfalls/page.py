"""Page: the answers to all pitfalls as docs/pitfalls.md, a table and how each of its rows comes about."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.conftest import ROOT
from tests.pitfalls.answers import Answers
from tests.pitfalls.pitfall import GROUPS, Pitfall

PAGE: Path = ROOT / "docs/pitfalls.md"

INTRODUCTION = """\
# Pitfalls

What GPU metrics in Prometheus get wrong, {count} times. Each line below is a small cluster in a real Prometheus: the PromQL that
people write is asked of it, our collector reads it, and our API is asked the same question. `python -m tests.pitfalls` wrote this
page; a test asks everything again and fails where the page, our answer or the true value differ, or where the naive answer is true.

What the series were, minute by minute, is in `tests/pitfalls/`, a folder each. Percentages here are our ratios times 100.

| pitfall | unit | naive PromQL answers | we answer | true |
|---|---|---:|---:|---:|
"""


def write_page(answers: Iterable[Answers]) -> str:
    found = list(answers)
    lines = [INTRODUCTION.format(count=len(found))]
    for group, title in GROUPS.items():
        own = [each for each in found if each.pitfall.group == group]
        lines += [f"| **{group}. {title}** | | | | |\n", *(row_of(each) for each in own)]
    for group, title in GROUPS.items():
        lines.append(f"\n## {group}. {title}\n")
        lines += [section_of(each) for each in found if each.pitfall.group == group]
    return "".join(lines)


def row_of(answers: Answers) -> str:
    written = answers.pitfall.written
    cells = (
        f"[{written.title}](#{anchor(written.title)})",
        written.unit,
        shown(answers.naive),
        "nothing" if answers.ours is None else shown(answers.ours),
        shown(written.truth.value),
    )
    return f"| {' | '.join(cells)} |\n"


def section_of(answers: Answers) -> str:
    written = answers.pitfall.written
    return "\n".join(
        (
            f"\n### {written.title}\n",
            f"{' '.join(written.story.split())}\n",
            f"- {sentence(written.naive.habit)}, {when(answers.pitfall)}: **{shown(answers.naive)}**\n",
            f"  ```promql\n  {written.naive.query}\n  ```\n",
            f"- We answer **{'nothing' if answers.ours is None else shown(answers.ours)}**{reading(answers.pitfall)}:\n",
            f"  ```\n  {written.ours.path}\n  ```\n",
            f"- True: **{shown(written.truth.value)}** {written.unit}, because {written.truth.because}\n",
        )
    )


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def when(pitfall: Pitfall) -> str:
    naive = pitfall.written.naive
    meant = f" (the series {labels(naive.series)})" if naive.series else ""
    if naive.chart:
        return f"charted to minute {naive.chart.until:g} every {naive.chart.step}, mean of its points{meant}"
    return f"asked at minute {naive.at:g}{meant}"


def labels(series: dict[str, str]) -> str:
    return "`" + ", ".join(f'{name}="{value}"' for name, value in series.items()) + "`"


def reading(pitfall: Pitfall) -> str:
    """Where in our answer the value is."""
    ours = pitfall.written.ours
    parts = [f"`{ours.value}`"] if pitfall.written.counted == "value" else []
    parts += [f"where {name} is `{value}`" for name, value in ours.row.items()]
    parts += [] if ours.divisor == 1 else [converted(ours.divisor)]
    parts += [] if (ours.since, ours.until) == (0, 60) else [f"of minutes {ours.since:g} to {ours.until:g}"]
    return f" ({', '.join(parts)})" if parts else ""


def converted(divisor: float) -> str:
    return f"times {round(1 / divisor):,}" if divisor < 1 else f"over {round(divisor):,}"


def anchor(title: str) -> str:
    """As GitHub makes them of headings."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if abs(value) >= 1e13:
        return f"{value:.3g}"
    rounded = float(f"{value:.6g}")
    return (
        f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.6g}" if abs(rounded) < 1e5 else f"{rounded:,.0f}"
    )
