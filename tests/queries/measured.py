"""What tests measure: a lake of GPUs that change often, and the same answers, computed row by row in pandas."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from queries.lake import Lake
from queries.settings import Cluster
from queries.window import HOUR, Window
from tests.booked import frame
from tests.sketch import Sketch

START = datetime(2025, 3, 29, 18, tzinfo=UTC)
"""The day before clocks go forward in Europe."""

HOURS = 36
ALL = Window(START, START + HOURS * HOUR)
RETAINED = datetime(2025, 3, 30, tzinfo=UTC)
"""From when on samples are there in a lake that has dropped older ones."""


def changing(name: str, gpus: int, step: str, seed: int) -> Sketch:
    """A node whose GPUs do something else every few minutes. Pods of project a hold the first two, one of b the last
    for a while. Beside them is a slice of a GPU: weights differ."""
    dice = random.Random(seed)  # noqa: S311 - it only has to differ
    minutes = 60 * HOURS
    sketch = Sketch(
        Cluster.model_validate({"name": name, "prometheus": "http://127.0.0.1:1", "step": step}), minutes, START
    )
    sketch.node(f"{name}-1", gpus + 1)
    for number in range(gpus):
        pod = f"p{number}" if number in (0, 1, gpus - 1) else None
        values = [dice.choice([0.0, 1.0, dice.random()]) for _ in range(0, minutes, 10)]
        shown = [values[minute // 10] if dice.random() > 0.02 else None for minute in range(minutes)]
        sketch.gpu(f"{name}-{number}", f"{name}-1", shown, pod=pod)
        watts = [100 + 600 * value for value in values for _ in range(10)]
        sketch.gpu(f"{name}-{number}", f"{name}-1", watts, "DCGM_FI_DEV_POWER_USAGE", pod=pod)
    slices = [dice.random() for _ in range(minutes)]
    sketch.gpu(f"{name}-cut", f"{name}-1", slices, instance="1", profile="2g.20gb")
    for number, project in ((0, "a"), (1, "a"), (gpus - 1, "b")):
        running = [1.0] * minutes if project == "a" else [float(500 < minute < 900) for minute in range(minutes)]
        sketch.pod(f"p{number}", f"{name}-1", 1, running, project=project)
    return sketch


def fill(folder: Path) -> Lake:
    """Two clusters, of different steps."""
    lake = Lake(str(folder))
    lake.create()
    for sketch in (changing("alpha", 4, "5m", 1), changing("beta", 3, "15m", 2)):
        booked = sketch.book(HOURS)
        for hour in ALL.hours():
            lake.replace(hour, booked.of(hour))
    return lake


def forget(lake: Lake) -> None:
    """Drop the samples of the first day, as upkeep does."""
    for cluster, period in lake.snapshot().expired("raw", RETAINED):
        lake.ledger.drop(cluster, "raw", period)


def samples(lake: Lake, window: Window = ALL) -> pd.DataFrame:
    return frame(lake, window, "raw")


def percentile(values: pd.Series, weights: pd.Series, share: float) -> float:
    """The least value that so much of the weight stays at or below."""
    told = pd.DataFrame({"value": values, "weight": weights}).dropna()
    told = told[told["weight"] > 0].sort_values("value")
    below = told["weight"].cumsum() / told["weight"].sum()
    return float(told["value"][below >= share - 1e-9].iloc[0])


def statistic_of(values: pd.Series, weights: pd.Series, statistic: str) -> float:
    if statistic == "mean":
        return float((values * weights).sum() / weights[values.notna()].sum())
    if statistic in ("min", "max"):
        return float(values.agg(statistic))
    return percentile(values, weights, int(statistic[1:]) / 100)
