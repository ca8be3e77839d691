"""Timing: ways to the same answer, taken in turns, so that the machine's noise meets all of them."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

Way = Callable[[], object]


@dataclass(frozen=True)
class Turns:
    """Seconds of each way in each round."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """The seconds of one way per second of another: the median of the rounds."""
        return statistics.median(
            one / another for one, another in zip(self.seconds[name], self.seconds[other], strict=True)
        )


def take_turns(rounds: int, ways: dict[str, Way]) -> Turns:
    """A round before the first is not counted: caches are warm for everyone."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            began = time.perf_counter()
            way()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return Turns(seconds)


def check_equal(ours: "pd.Series[float]", other: "pd.Series[float]", tolerance: float = 1e-6) -> str:
    """Two answers with the same keys and numbers.

    Raises:
        AssertionError: they are not equal; no ratio of theirs would mean anything.
    """
    assert set(ours.index) == set(other.index), f"keys of one alone: {sorted(set(ours.index) ^ set(other.index))[:5]}"
    difference = ((ours - other) / other.where(other != 0, 1)).abs().max()
    assert difference <= tolerance, f"the largest relative difference is {difference}"
    return f"{len(ours)} numbers are equal; the largest relative difference is {difference:.1e}"
