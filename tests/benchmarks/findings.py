"""Findings: what was measured, beside what is asked and what is aimed at."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class Finding:
    """A number of which less is better. most: what is asked, goal: what is aimed at, if anything is."""

    what: str
    value: float
    unit: str
    most: float | None = None
    goal: float | None = None

    def told(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.unit == "times" and 0 < value < 1:
            return f"1/{1 / value:.1f}"
        return f"{value:,.0f} {self.unit}" if value >= 100 else f"{value:.2f} {self.unit}"


def table_of(findings: Iterable[Finding]) -> Table:
    table = Table("what", "measured", "at most", "", "goal", "", title="what is asked, and what is aimed at")
    for found in findings:
        table.add_row(
            found.what,
            found.told(found.value),
            found.told(found.most),
            verdict(found.value, found.most),
            found.told(found.goal),
            verdict(found.value, found.goal),
        )
    return table


def verdict(value: float, limit: float | None) -> str:
    if limit is None:
        return ""
    if value <= limit:
        return "[green]met[/]"
    return f"[red]missed by {value / limit - 1:.0%}[/]" if limit else "[red]missed[/]"
