"""Accounting: what the settings say of departments, prices and carbon, joined with the ledger when it is asked, so that
what was booked is told by the organisation and rated by the prices of its own time."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa

from queries.amounts import AMOUNTS
from queries.assigned import NOBODY, Assigned
from queries.departments import Department, department_tables
from queries.prices import Price, currency_of, price_tables
from queries.settings import Cluster, Settings
from queries.template import read_template

DEPARTMENTS = "departments"
"""The join that adds ``department`` to the ledger."""

RATES = "rates"
"""The join that adds ``per_gpu_hour`` and ``grams_per_kwh``."""

COSTS = "costs"
"""After the rates, what adds the cost of each amount of GPU-time, and the ``currency``."""

TOLD = 10
"""How many models without a price are named; they are clusters' own words, and may be many."""

LONGEST = 60


class Accounting:
    def __init__(
        self,
        prices: tuple[Price, ...] = (),
        departments: tuple[Department, ...] = (),
        intensities: Mapping[str, float] | None = None,
        assigned: Assigned = NOBODY,
    ) -> None:
        """intensities: grams of CO2e per kWh, by cluster."""
        self.assigned = assigned
        self._assigned_last: Accounting | None = None
        self.prices = prices
        self.departments = departments
        self.intensities = intensities or {}

    @classmethod
    def of(cls, settings: Settings, clusters: Iterable[Cluster] | None = None) -> "Accounting":
        """clusters: all that are collected; without them, those of the settings."""
        intensities = {
            cluster.name: cluster.carbon_intensity
            for cluster in (settings.clusters if clusters is None else clusters)
            if cluster.carbon_intensity is not None
        }
        return cls(settings.prices, settings.departments, intensities)

    def with_assigned(self, assigned: Assigned) -> "Accounting":
        """The same, where the API says something else by now."""
        last = self._assigned_last
        if last is None or last.assigned is not assigned:
            last = self._assigned_last = Accounting(self.prices, self.departments, self.intensities, assigned)
        return last

    @property
    def currency(self) -> str | None:
        return currency_of(self.prices)

    @property
    def is_rated(self) -> bool:
        return bool(self.prices or self.intensities)

    def lacks_intensity(self, clusters: Iterable[str]) -> bool:
        """Whether some of these clusters have no carbon intensity, where others have."""
        return bool(self.intensities) and any(cluster not in self.intensities for cluster in clusters)

    def missing(self, joins: Iterable[str]) -> Iterator[str]:
        """What was asked for that the settings do not tell."""
        if DEPARTMENTS in joins and not (self.departments or self.assigned.departments):
            yield "department: there are none; set departments, with their projects"

    def unpriced(self, unrated: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """The models that have no price, where others have. unrated: rows of ``questions/unrated.sql``."""
        if not self.prices:
            return
        models = summed(unrated, lambda row: quoted(row["gpu_model"]), "unpriced_gpu_hours")
        for model, hours in models[:TOLD]:
            yield f"no price for GPUs of model {model}: {hours:.1f} GPU-hours are in no cost; set prices"
        if models[TOLD:]:
            yield f"no price for GPUs of {len(models) - TOLD} more models; set prices"

    def without_carbon(self, unrated: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """The clusters that have no carbon intensity, where others have. unrated: as above."""
        if self.intensities:
            for cluster, energy in summed(unrated, lambda row: row["cluster"], "unrated_kwh"):
                yield f"cluster {cluster}: {energy:.1f} kWh are in no carbon; set clusters.carbon_intensity"

    @cached_property
    def _relations(self) -> dict[str, dict[str, pa.Table]]:
        return {
            DEPARTMENTS: department_tables(self.departments) | self._memberships,
            RATES: price_tables(self.prices, self.intensities),
            COSTS: {},
        }

    @property
    def _memberships(self) -> dict[str, pa.Table]:
        return {"memberships": self.assigned.membership_table()} if self.assigned.memberships else {}

    def parameters(self, joins: Iterable[str]) -> dict[str, str | None]:
        """The values of the ``$names`` of these joins."""
        return {"currency": self.currency} if COSTS in joins else {}

    def said(self, joins: Iterable[str]) -> dict[str, object]:
        """What the settings say that these joins add."""
        departments = (self.departments, sorted(self.assigned.memberships.items()))
        return {join: departments if join == DEPARTMENTS else (self.prices, self.intensities) for join in joins}

    def relations(self, joins: Iterable[str]) -> dict[str, pa.Table]:
        """The tables that these joins read, by name."""
        return {name: table for join in joins for name, table in self._relations[join].items()}

    def joined(self, ledger: str, joins: Iterable[str]) -> str:
        """The SQL of the ledger with the columns that these joins add. What of the ledger an actor may not see is not
        in it before, and so not after."""
        joined = ledger
        for join in joins:
            joined = read_template("queries.joins", join).render(
                ledger=joined,
                plain_ledger=ledger,
                is_rated=self.is_rated,
                amounts=AMOUNTS,
                has_memberships=bool(self.assigned.memberships),
            )
        return joined


def summed(
    rows: Iterable[Mapping[str, Any]], name_of: Callable[[Mapping[str, Any]], str], amount: str
) -> list[tuple[str, float]]:
    """The amounts above zero by name, the largest first, alike ones by name."""
    sums: dict[str, float] = {}
    for row in rows:
        if row[amount]:
            sums[name_of(row)] = sums.get(name_of(row), 0) + row[amount]
    return sorted(sums.items(), key=lambda each: (-each[1], each[0]))


def quoted(gpu_model: str | None) -> str:
    """A name that a cluster made up, as plain ASCII on one line."""
    return json.dumps(gpu_model[:LONGEST]) if gpu_model else "(not known)"
