"""Pitfall: what dashboards ask, what we are asked instead, and what is true. Read from a folder of its own."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

FOLDER = Path(__file__).parent

GROUPS = {
    1: "Blank values",
    2: "Spikes",
    3: "Units",
    4: "What a GPU is called",
    5: "MIG",
    6: "Time slicing and MPS",
    7: "What was, and what is still shown",
    8: "Missing is not zero",
    9: "One after the other",
    10: "Counters",
    11: "Held and not used, used and not held",
    12: "kube-state-metrics",
    13: "Owners",
    14: "Slurm",
    15: "Many clusters",
    16: "Means",
    17: "Limits of Prometheus",
    18: "Hostile names",
}
"""What can go wrong, by number."""


class Chart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range query instead of an instant one: until which minute, in which steps. The mean of its points is read off."""

    until: float
    step: str


class Naive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PromQL that people write. habit: where; at: the minute it is asked (between two samples, where versions of
    Prometheus agree); series: which of its answer's series is meant, where there are several."""

    query: str
    habit: str
    at: float = 59.5
    chart: Chart | None = None
    series: dict[str, str] = {}


class Ours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same question to us, about the minutes from ``since`` until ``until``. value: the column of the answer; row:
    which of its rows is meant; divisor: into the unit of the table."""

    path: str
    value: str
    since: float = 0
    until: float = 60
    row: dict[str, str] = {}
    divisor: float = 1


class Truth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The true value, and how to work it out by hand."""

    value: float
    because: str


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What pitfall.toml says. counted: what of both answers is compared: their value, or how many of the cells that they
    put into a table a spreadsheet would compute."""

    title: str
    story: str
    unit: str
    naive: Naive
    ours: Ours
    truth: Truth
    counted: Literal["value", "formulas"] = "value"


@dataclass(frozen=True)
class Pitfall:
    name: str
    group: int
    written: Written
    series: str

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that its series name by a label ``cluster``, else the one that all others share."""
        named = [name for name in SEVERAL if f'cluster="{name}"' in self.series]
        return tuple(named) or (ONE,)


ONE = "lab"
"""The cluster of all series that name none."""

SEVERAL = ("alpha", "beta")
"""The clusters of pitfalls that are about several, in one Prometheus over all of them."""


def read_pitfall(folder: Path) -> Pitfall:
    """Read a folder ``<number of its group>_<name>``.

    Raises:
        msgspec.ValidationError: pitfall.toml does not say what a pitfall must, or more.
    """
    written = msgspec.convert(tomllib.loads((folder / "pitfall.toml").read_text()), Written)
    return Pitfall(folder.name, int(folder.name.split("_")[0]), written, (folder / "series.txt").read_text())


PITFALLS = tuple(read_pitfall(path.parent) for path in sorted(FOLDER.glob("*/pitfall.toml")))
