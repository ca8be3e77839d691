"""Quotas: what projects and departments may have of the resources of node pools, now and in the past."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from queries.control.tables import Quota

Resource = Literal["gpu", "cpu", "memory"]

RESOURCES: tuple[Resource, ...] = get_args(Resource)

BYTES = {"Mib": 2**20, "MB": 10**6, "GB": 10**9}
"""The units of memory, as Run:ai spells them."""


@dataclass(frozen=True)
class Amount:
    """What one may have of a resource. deserved: the quota, of GPUs in devices, of cpu in millicores, of memory in
    units; limit: what may be had beyond it, where -1 is no limit."""

    deserved: float | None = None
    limit: float | None = None
    over_quota_weight: float | None = None
    units: str | None = None

    @property
    def deserved_in_base_units(self) -> float | None:
        """GPUs, millicores, bytes."""
        if self.deserved is None or self.deserved < 0:
            return None
        return self.deserved * BYTES.get(self.units or "", 1)


NOTHING = Amount()

Key = tuple[str, str]
"""A node pool's id, and a resource."""

Amounts = Mapping[Key, Amount]


@dataclass(frozen=True)
class Change:
    """That from a time on something counts, or, where it is NOTHING, no longer does."""

    since: datetime
    key: Key
    amount: Amount


def list_changes(session: Session, unit_ids: Iterable[str] | None = None) -> dict[str, list[Change]]:
    """By the id of the project or department, the oldest first."""
    chosen = select(
        Quota.org_unit_id,
        Quota.node_pool_id,
        Quota.resource,
        Quota.since,
        Quota.deserved,
        Quota.limit,
        Quota.over_quota_weight,
        Quota.units,
    ).order_by(Quota.since)
    if unit_ids is not None:
        chosen = chosen.where(Quota.org_unit_id.in_(unit_ids))
    changes: dict[str, list[Change]] = {}
    for unit, pool, resource, since, deserved, limit, weight, units in session.execute(chosen):
        amount = Amount(deserved, limit, weight, units)
        changes.setdefault(unit, []).append(Change(since, (pool, resource), amount))
    return changes


def newest(changes: Iterable[Change]) -> dict[Key, Amount]:
    """What counts by now."""
    last = {change.key: change.amount for change in changes}
    return {key: amount for key, amount in last.items() if amount != NOTHING}


def set_quotas(session: Session, unit_id: str, wanted: Amounts, now: datetime, *, keeps_others: bool = False) -> None:
    """Let these amounts count from now on. keeps_others: whether what they do not speak of stays as it is."""
    current = newest(list_changes(session, [unit_id]).get(unit_id, []))
    gone = {} if keeps_others else dict.fromkeys(current.keys() - wanted.keys(), NOTHING)
    for (pool, resource), amount in {**wanted, **gone}.items():
        if current.get((pool, resource), NOTHING) != amount:
            session.add(
                Quota(
                    org_unit_id=unit_id,
                    node_pool_id=pool,
                    resource=resource,
                    since=now,
                    deserved=amount.deserved,
                    limit=amount.limit,
                    over_quota_weight=amount.over_quota_weight,
                    units=amount.units,
                )
            )
    session.flush()


def forget_quotas(session: Session, unit_id: str) -> None:
    """Of what is gone no quota stays, also not of the past."""
    session.execute(delete(Quota).where(Quota.org_unit_id == unit_id))
