"""Rules: who has which role, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from queries.control.database import Control
from queries.control.identity import Identity
from queries.control.roles import ROLES, Role
from queries.control.tables import AccessRule

ScopeType = Literal["system", "tenant", "cluster", "department", "project"]

SCOPE_TYPES: tuple[ScopeType, ...] = get_args(ScopeType)

SYSTEM_SCOPE = "system"
"""The id of the scope that has all tenants."""


@dataclass(frozen=True)
class NewRule:
    role_id: int
    scope_type: ScopeType
    scope_id: str


@dataclass(frozen=True)
class Grant:
    """A role in a scope, as somebody has it."""

    role: Role
    scope_type: ScopeType
    scope_id: str


@dataclass(frozen=True)
class Place:
    """Where something lies in the organisation. What is None, it lies above."""

    tenant: int
    cluster: str | None = None
    department: str | None = None
    project: str | None = None

    def lies_in(self, scope_type: ScopeType, scope_id: str) -> bool:
        if scope_type == "system":
            return True
        return scope_id == (str(self.tenant) if scope_type == "tenant" else getattr(self, scope_type))


def add_rule(
    session: Session, tenant_id: int, subject_type: str, subject_id: str, rule: NewRule, created_by: str
) -> AccessRule:
    """Give a role to a subject; where it has it already, that is what there is."""
    same = select(AccessRule).where(
        AccessRule.tenant_id == tenant_id,
        AccessRule.subject_type == subject_type,
        AccessRule.subject_id == subject_id,
        AccessRule.role_id == rule.role_id,
        AccessRule.scope_type == rule.scope_type,
        AccessRule.scope_id == rule.scope_id,
    )
    row = session.scalars(same).first()
    if row is None:
        row = AccessRule(
            tenant_id=tenant_id,
            subject_type=subject_type,
            subject_id=subject_id,
            role_id=rule.role_id,
            scope_type=rule.scope_type,
            scope_id=rule.scope_id,
            created_by=created_by,
            created_at=datetime.now(UTC),
        )
        session.add(row)
        session.flush()
    return row


def forget_subject(session: Session, subject_type: str, subject_id: str) -> None:
    """Of who is gone no rule stays: another of the same name would have its roles."""
    session.execute(
        delete(AccessRule).where(AccessRule.subject_type == subject_type, AccessRule.subject_id == subject_id)
    )


def forget_scope(session: Session, scope_type: ScopeType, scope_id: str) -> None:
    """To be called where a cluster, department or project is deleted: another of its name has the same id."""
    session.execute(delete(AccessRule).where(AccessRule.scope_type == scope_type, AccessRule.scope_id == scope_id))


def list_rules(control: Control, tenant_id: int) -> Sequence[AccessRule]:
    with control.session() as session:
        chosen = select(AccessRule).where(AccessRule.tenant_id == tenant_id)
        return session.scalars(chosen.order_by(AccessRule.id)).all()


def grants_of(session: Session, identity: Identity) -> list[Grant]:
    """The roles that somebody has, by itself and by its groups."""
    itself = and_(AccessRule.subject_type == identity.subject_type, AccessRule.subject_id == identity.subject_id)
    by_group = and_(AccessRule.subject_type == "group", AccessRule.subject_id.in_(identity.groups))
    rules = session.scalars(select(AccessRule).where(AccessRule.tenant_id == identity.tenant_id, or_(itself, by_group)))
    return [
        Grant(ROLES[rule.role_id], rule.scope_type, rule.scope_id)
        for rule in rules
        if rule.role_id in ROLES and rule.scope_type in SCOPE_TYPES
    ]
