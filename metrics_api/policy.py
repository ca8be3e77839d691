"""Policy: who may do what, and where. What of the ledger may be seen, the engine's Scope says; everything else is asked
here."""

from collections.abc import Iterable
from dataclasses import dataclass

from metrics_api.errors import ApiError
from queries.control.roles import ACTIONS, ADMINISTRATOR, Action, Role
from queries.control.rules import SYSTEM_SCOPE, Grant, Place
from queries.control.tables import DEFAULT_TENANT
from queries.scope import EVERYTHING, Scope


@dataclass(frozen=True)
class Actor:
    """Who asks, and what it may see and do. subject_id: as access rules name it; credential_id: of its token."""

    name: str
    scope: Scope
    subject_type: str = "user"
    subject_id: str = ""
    tenant_id: int = DEFAULT_TENANT
    grants: tuple[Grant, ...] = ()
    groups: tuple[str, ...] = ()
    user_id: str | None = None
    has_key: bool = False
    """Whether it asks by an access key."""


ANYONE = Actor("anyone", EVERYTHING, grants=(Grant(ADMINISTRATOR, "system", SYSTEM_SCOPE),))
"""Who asks where ``auth.mode`` is ``off``: everyone is an administrator."""


def may(actor: Actor, action: Action, resource: str, place: Place | None = None) -> bool:
    """Whether somebody may do something to a kind of thing at a place; without one, anywhere in the tenant."""
    where = place or Place(actor.tenant_id)
    return any(
        grant.role.allows(action, resource) and where.lies_in(grant.scope_type, grant.scope_id)
        for grant in actor.grants
    )


def require(actor: Actor, action: Action, resource: str, place: Place | None = None) -> None:
    """Raises:
    ApiError: 404 where the actor may not even know of the place, else 403, where it may not.
    """
    if may(actor, action, resource, place):
        return
    if place and not may(actor, "read", resource, place):
        raise ApiError(404, "there is no such thing, or you may not see it")
    raise ApiError(403, f"you do not have sufficient permissions: your roles do not allow to {action} {resource} here")


def may_grant(actor: Actor, role: Role, place: Place, scope_type: str) -> bool:
    """Nobody gives away, or takes away, what they do not have themselves."""
    if scope_type == "system" and not is_over_tenants(actor):
        return False
    return all(
        may(actor, action, resource, place) for resource, actions in role.permissions.items() for action in actions
    )


def is_over_tenants(actor: Actor) -> bool:
    """Whether somebody administers all tenants."""
    return any(grant.scope_type == "system" and grant.role is ADMINISTRATOR for grant in actor.grants)


def permissions(grants: Iterable[Grant]) -> dict[str, list[Action]]:
    """What some rules allow, wherever, by the kind of thing."""
    allowed: dict[str, set[Action]] = {}
    for grant in grants:
        for resource, actions in grant.role.permissions.items():
            allowed.setdefault(resource, set()).update(actions)
    return {resource: [action for action in ACTIONS if action in actions] for resource, actions in allowed.items()}
