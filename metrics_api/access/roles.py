"""Roles: what they are called, and what they allow."""

from datetime import UTC, datetime
from typing import Self

from pydantic import BaseModel

from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from metrics_api.services import Caller
from queries.control.roles import RESOURCES, ROLES, Action, Role
from queries.control.tables import SYSTEM

MADE = datetime(2025, 1, 1, tzinfo=UTC)
"""Roles come with the service; clients want to know since when."""


class PermissionView(BaseModel):
    resourceType: str
    displayName: str
    groupId: str
    actions: list[Action]


class RoleView(Complete):
    """A role. Roles come with the service, and cannot be changed."""

    id: int
    name: str
    description: str
    enabled: bool = True
    effectiveEnabled: bool = True
    custom: bool = False
    createdBy: str = SYSTEM
    createdAt: datetime = MADE
    updatedAt: datetime = MADE
    permissions: list[PermissionView]

    @classmethod
    def of(cls, role: Role) -> Self:
        allowed = [view_permission(resource, list(actions)) for resource, actions in role.permissions.items()]
        return cls(id=role.id, name=role.name, description=role.description, permissions=allowed)


class RolesView(Complete):
    roles: list[RoleView]
    next: int | None = None


def view_permission(resource: str, actions: list[Action]) -> PermissionView:
    name, group = RESOURCES[resource]
    return PermissionView(resourceType=resource, displayName=name, groupId=group, actions=actions)


async def list_all(caller: Caller) -> list[RoleView]:  # noqa: ARG001  # everybody who is signed in may
    """The roles."""
    return [RoleView.of(role) for role in ROLES.values()]


async def list_wrapped(caller: Caller) -> RolesView:
    """The roles."""
    return RolesView(roles=await list_all(caller))


async def read(caller: Caller, role_id: str) -> RoleView:  # noqa: ARG001  # everybody who is signed in may
    """One role."""
    role = next((role for role in ROLES.values() if str(role.id) == role_id), None)
    if role is None:
        raise ApiError(404, f"there is no role with the id {role_id!r}")
    return RoleView.of(role)
