"""Timing: ways to the same answer, taken in turns, so that the machine's noise meets all of them."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from rich.console import Console
from rich.table import Table

Way = Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """Seconds of each round of our way and of another one.

    goal: how our seconds may relate to the other's, as a text for people.
    """

    title: str
    ours: list[float]
    other: list[float]
    goal: str

    @property
    def ratio(self) -> float:
        """Our seconds per second of the other way: the median of the rounds."""
        return statistics.median(ours / other for ours, other in zip(self.ours, self.other, strict=True))

    @property
    def told(self) -> str:
        return f"{self.ratio:.2f} times as long" if self.ratio > 1 else f"{1 / self.ratio:.1f} times faster"


def take_turns(rounds: int, ways: dict[str, Way]) -> dict[str, list[float]]:
    """Seconds of each way in each round. A round before the first is not counted: caches are warm for everyone."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            began = time.perf_counter()
            way()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def check_equal(ours: "pd.Series[float]", other: "pd.Series[float]", tolerance: float = 1e-6) -> str:
    """Two answers with the same keys and numbers.

    Raises:
        AssertionError: they are not equal; no ratio of theirs would mean anything.
    """
    pd.testing.assert_series_equal(
        ours.sort_index(), other.sort_index(), rtol=tolerance, atol=0, check_names=False, check_index_type=False
    )
    difference = ((ours.sort_index() - other.sort_index()) / other.sort_index()).abs().max()
    return f"{len(ours)} numbers are equal; the largest relative difference is {difference:.1e}"


def show(console: Console, comparisons: list[Comparison]) -> None:
    table = Table("ours, beside", "ours", "theirs", "we take", "goal", title_justify="left")
    for comparison in comparisons:
        table.add_row(
            comparison.title,
            f"{statistics.median(comparison.ours):.3f} s",
            f"{statistics.median(comparison.other):.3f} s",
            comparison.told,
            comparison.goal,
        )
    console.print(table)
