"""Values: what a GPU shows while pods follow each other on it: noisy, and related to each other as real ones are."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORY_MIB = 81_559
DAY = 1440

Work = Literal["training", "inference", "notebook"]


@dataclass(frozen=True)
class Shown:
    """A value a minute of each field, in dcgm-exporter's units."""

    engine_active: Floats
    utilization_percent: Floats
    memory_used_mib: Floats
    power_watts: Floats
    energy_millijoules: Floats


def show(number: int, works: list[tuple[range, Work]]) -> Shown:
    """What a GPU shows in each minute, of which the works that follow each other on it are all."""
    dice = np.random.default_rng(number)
    active = np.round(np.concatenate([activity(dice, minutes, work) for minutes, work in works]), 6)
    watts = np.round(70 + 600 * active**0.8 + dice.normal(0, 6, len(active)), 3)
    taken = np.cumsum(watts * 60_000 * dice.uniform(0.995, 1.005, len(active)))
    return Shown(
        engine_active=active,
        utilization_percent=np.ceil(np.clip(active + dice.normal(0.01, 0.02, len(active)), 0, 1) * 100),
        memory_used_mib=np.concatenate([memory(dice, minutes, work) for minutes, work in works]),
        power_watts=watts,
        energy_millijoules=np.round(dice.uniform(0, 1e12) + taken),
    )


def activity(dice: np.random.Generator, minutes: range, work: Work) -> Floats:
    """Training is steady but for checkpoints, inference follows the day, and a notebook works now and then."""
    since, noise = np.arange(len(minutes)), dice.normal(0, 1, len(minutes))
    match work:
        case "training":
            level = np.where(since % 30 == 29, 0.35, dice.uniform(0.7, 0.97)) + 0.03 * noise
        case "inference":
            level = 0.35 + 0.25 * np.sin(np.array(minutes) / DAY * 2 * np.pi) + 0.12 * noise
        case "notebook":
            level = np.where(dice.uniform(0, 1, len(minutes)) < 0.1, 0.4 + 0.2 * noise, 0)
    return np.clip(level, 0, 1)


def memory(dice: np.random.Generator, minutes: range, work: Work) -> Floats:
    """Training takes what it takes at its start, the others now and then more or less."""
    taken = np.full(len(minutes), dice.uniform(0.05, 0.95) * MEMORY_MIB)
    if work != "training":
        changes = np.where(dice.uniform(0, 1, len(minutes)) < 0.1, dice.normal(0, 500, len(minutes)), 0)
        taken += np.cumsum(changes)
    return np.asarray(np.round(np.clip(taken, 400, MEMORY_MIB)))
