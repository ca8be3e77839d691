"""Permissions: what the caller may do, and where."""

from pydantic import BaseModel, ConfigDict, field_validator

from metrics_api.access.roles import PermissionView, view_permission
from metrics_api.listing import read_member
from metrics_api.policy import permissions
from metrics_api.services import Caller
from queries.control.roles import ACTIONS, RESOURCES, Action
from queries.control.rules import Grant


class ScopesQuestion(BaseModel):
    """resourceType: the kind of thing; action: the one that is asked about, or all of them."""

    model_config = ConfigDict(extra="forbid")

    resourceType: str
    action: str | None = None

    @field_validator("resourceType")
    @classmethod
    def is_a_kind(cls, written: str) -> str:
        return read_member(written, list(RESOURCES))

    @field_validator("action")
    @classmethod
    def is_an_action(cls, written: str | None) -> str | None:
        return None if written is None else read_member(written, ACTIONS)


class PermittedScopes(BaseModel):
    """The scopes in which something is allowed, by their ids; what lies in them is not listed again."""

    system: bool = False
    tenant: str | None = None
    tenants: list[str] = []
    clusters: list[str] = []
    departments: list[str] = []
    projects: list[str] = []


class ScopesView(BaseModel):
    create: PermittedScopes
    read: PermittedScopes
    update: PermittedScopes
    delete: PermittedScopes


async def list_all(caller: Caller) -> list[PermissionView]:
    """What the caller may do somewhere, by the kind of thing."""
    return [view_permission(resource, actions) for resource, actions in permissions(caller.actor.grants).items()]


async def list_scopes(caller: Caller, body: ScopesQuestion) -> ScopesView:
    """Where the caller may do something to a kind of thing."""
    asked = {action: body.action in (None, action) for action in ACTIONS}
    found = {
        action: scopes([grant for grant in caller.actor.grants if is_asked and allows(grant, action, body)])
        for action, is_asked in asked.items()
    }
    return ScopesView(**found)


def allows(grant: Grant, action: Action, body: ScopesQuestion) -> bool:
    return grant.role.allows(action, body.resourceType)


def scopes(grants: list[Grant]) -> PermittedScopes:
    by_type: dict[str, list[str]] = {}
    for grant in grants:
        ids = by_type.setdefault(grant.scope_type, [])
        if grant.scope_id not in ids:
            ids.append(grant.scope_id)
    tenants = by_type.get("tenant", [])
    return PermittedScopes(
        system="system" in by_type,
        tenant=tenants[0] if tenants else None,
        tenants=tenants,
        clusters=by_type.get("cluster", []),
        departments=by_type.get("department", []),
        projects=by_type.get("project", []),
    )
