"""Answers: what Prometheus and what we answer to the question of a pitfall."""

import csv
import re
import statistics
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

from tests.pitfalls.laboratory import Laboratory, start_of
from tests.pitfalls.pitfall import Naive, Pitfall

FORMULA = re.compile(r"[=+\-@\t\r]")
"""How a cell begins that a spreadsheet computes."""

NOTHING = "no answer"

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Answers:
    """naive: a number, or why there is none; ours: a number, or None where there is none."""

    pitfall: Pitfall
    naive: float | str
    ours: float | None

    @property
    def is_naive_true(self) -> bool:
        return not isinstance(self.naive, str) and is_near(self.naive, self.pitfall.written.truth.value)

    @property
    def is_ours_true(self) -> bool:
        return self.ours is not None and is_near(self.ours, self.pitfall.written.truth.value)


def is_near(value: float, truth: float) -> bool:
    return abs(value - truth) <= TOLERANCE


def ask(laboratory: Laboratory, pitfall: Pitfall) -> Answers:
    return Answers(pitfall, ask_prometheus(laboratory, pitfall), ask_us(laboratory, pitfall))


def ask_prometheus(laboratory: Laboratory, pitfall: Pitfall) -> float | str:
    naive = pitfall.written.naive
    kind, times = times_of(pitfall)
    answer = laboratory.session.get(
        f"{laboratory.prometheus}/api/v1/{kind}", params={"query": naive.query} | times
    ).json()
    if answer["status"] != "success":
        return f"error: {shortened(answer['error'])}"
    meant = [found for found in answer["data"]["result"] if naive.series.items() <= found["metric"].items()]
    if pitfall.written.counted == "formulas":
        return sum(bool(FORMULA.match(value)) for found in meant for value in found["metric"].values())
    assert len(meant) <= 1, f"{pitfall.name}: the query answers {len(meant)} series; naive.series says which is meant"
    return read_off(naive, meant[0]) if meant else NOTHING


def times_of(pitfall: Pitfall) -> tuple[str, dict[str, str]]:
    """The kind of query, and the parameters that tell when."""
    start, chart = start_of(pitfall).timestamp(), pitfall.written.naive.chart
    if chart is None:
        return "query", {"time": f"{start + 60 * pitfall.written.naive.at:.3f}"}
    return "query_range", {"start": f"{start}", "end": f"{start + 60 * chart.until:.3f}", "step": chart.step}


def read_off(naive: Naive, found: dict[str, Any]) -> float:
    if naive.chart is None:
        return float(found["value"][1])
    return statistics.fmean(float(value) for _, value in found["values"])


def shortened(error: str) -> str:
    """The point of an error: its last clause, and of that the first sentence."""
    return error.rpartition(";")[2].partition(". ")[0].strip()


def ask_us(laboratory: Laboratory, pitfall: Pitfall) -> float | None:
    ours, start = pitfall.written.ours, start_of(pitfall)
    window = {
        "start": (start + timedelta(minutes=ours.since)).isoformat(),
        "end": (start + timedelta(minutes=ours.until)).isoformat(),
    }
    form = {} if "format=" in ours.path else {"shape": "rows"}
    answer = laboratory.api.get(f"{ours.path}{'&' if '?' in ours.path else '?'}{urlencode(window | form)}")
    assert answer.status_code == 200, f"{pitfall.name}: {answer.text}"
    if pitfall.written.counted == "formulas":
        return sum(bool(FORMULA.match(cell)) for row in csv.reader(answer.text.splitlines()) for cell in row)
    meant = [row for row in answer.json()["data"] if ours.row.items() <= row.items()]
    assert len(meant) <= 1, f"{pitfall.name}: we answer {len(meant)} rows; ours.row says which is meant"
    value = cast("float | None", meant[0][ours.value]) if meant else None
    return None if value is None else value / ours.divisor
