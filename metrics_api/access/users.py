"""Users: who may sign in, and how they are signed out."""

import re
from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool

from metrics_api.access.proof import TooSoonError, prove
from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from metrics_api.listing import Column, CountQuery, ListQuery
from metrics_api.policy import is_over_tenants
from metrics_api.services import Caller
from queries.control.roles import Action
from queries.control.rules import list_rules
from queries.control.tables import User
from queries.control.users import (
    check_password,
    check_password_form,
    create_user,
    delete_user,
    find_user,
    list_users,
    log_out,
    make_password,
    set_password,
)

COLUMNS = (
    Column("username", lambda user: user.username, is_searched=True),
    Column("createdBy", lambda user: user.created_by, is_searched=True),
    Column("lastLogin", lambda user: user.last_login, datetime),
    Column("creationTime", lambda user: user.created_at, datetime),
    Column("lastUpdated", lambda user: user.updated_at, datetime),
    Column("type", lambda user: "local" if user.is_local else "sso"),
    Column("isLocal", lambda user: user.is_local, bool),
)

EMAIL = re.compile(r"[^\s@\0]{1,64}@[^\s@\0]{1,190}")


class UserCount(CountQuery):
    columns: ClassVar = COLUMNS


class UserQuery(ListQuery):
    columns: ClassVar = COLUMNS
    limit: int = Field(500, ge=1, le=500, description="How many rows there are at the most.")


class UserView(Complete):
    """A user. isLocal: signs in here, not at an identity provider."""

    id: str
    username: str
    createdBy: str
    createdAt: datetime
    updatedAt: datetime
    lastLogin: datetime | None
    isLocal: bool
    groups: list[str]

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(
            id=user.id,
            username=user.username,
            createdBy=user.created_by,
            createdAt=user.created_at,
            updatedAt=user.updated_at,
            lastLogin=user.last_login,
            isLocal=user.is_local,
            groups=user.groups,
        )


class Count(BaseModel):
    count: int


class NewUser(BaseModel):
    """Who is to sign in. resetPassword and notify are taken, and change nothing: we send no mail."""

    model_config = ConfigDict(extra="forbid")

    email: str
    resetPassword: bool | None = None
    notify: bool | None = None

    @field_validator("email")
    @classmethod
    def is_an_address(cls, email: str) -> str:
        if not EMAIL.fullmatch(email):
            raise ValueError(f"{email!r} is not an email address; write one as in ada@example.com")
        return email


class NewUserView(BaseModel):
    """A user that was made, and the password to sign in with first. It is told this once."""

    id: str
    username: str
    tempPassword: str


class PasswordView(BaseModel):
    tempPassword: str


class PasswordChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    currentPassword: str
    newPassword: Annotated[str, Field(description="At least 8 characters.")]

    @field_validator("newPassword")
    @classmethod
    def is_a_password(cls, password: str) -> str:
        return check_password_form(password)


class PasswordChanged(BaseModel):
    """It was."""


async def list_all(caller: Caller, query: UserQuery) -> list[UserView]:
    """The users of the caller's tenant."""
    caller.require("read", "users")
    users = await run_in_threadpool(list_users, caller.services.control, caller.actor.tenant_id)
    return [UserView.of(user) for user in query.page(users).rows]


async def count(caller: Caller, query: UserCount) -> Count:
    """How many users there are."""
    caller.require("read", "users")
    users = await run_in_threadpool(list_users, caller.services.control, caller.actor.tenant_id)
    return Count(count=len(query.matching(users)))


async def read(caller: Caller, user_id: str) -> UserView:
    """One user. Everybody may read about themselves."""
    return UserView.of(await user_of(caller, user_id, "read"))


async def create(caller: Caller, body: NewUser) -> NewUserView:
    """Make a user with a password to be changed. It may do nothing yet: give it a role by an access rule."""
    caller.require("create", "users")
    password = make_password()
    user = await run_in_threadpool(
        create_user, caller.services.control, body.email, password, caller.actor.tenant_id, caller.actor.name
    )
    caller.target.id, caller.target.name = user.id, user.username
    return NewUserView(id=user.id, username=user.username, tempPassword=password)


async def delete(caller: Caller, user_id: str) -> None:
    """Delete a user, with its access keys and access rules."""
    user = await user_of(caller, user_id, "delete")
    await run_in_threadpool(require_rank, caller, "user", user.username)
    await run_in_threadpool(delete_user, caller.services.control, user)


async def sign_out(caller: Caller, user_id: str) -> None:
    """Refuse all tokens that the user has. Access keys stay good: revoke those one by one."""
    user = await user_of(caller, user_id, "update")
    await run_in_threadpool(log_out, caller.services.control, user.id)


async def reset_password(caller: Caller, user_id: str) -> PasswordView:
    """Give a user a new password, and sign it out."""
    user = await user_of(caller, user_id, "update", of_themselves=False)
    await run_in_threadpool(require_rank, caller, "user", user.username)
    if not user.is_local:
        raise ApiError(400, f"{user.username} signs in at the identity provider, and has no password here")
    password = make_password()
    await run_in_threadpool(set_password, caller.services.control, user.id, password)
    return PasswordView(tempPassword=password)


async def change_password(caller: Caller, body: PasswordChange) -> PasswordChanged:
    """Change one's own password. Tokens that were given for the old one are refused."""
    control, identifier = caller.services.control, caller.actor.user_id
    if identifier is None:
        raise ApiError(400, "only users have a password; an application's secret is renewed at its own address")
    caller.target.id, caller.target.name = identifier, caller.actor.name
    name, given = caller.actor.name, body.currentPassword
    try:
        known = await prove(caller.services, name, given, caller.address, lambda: check_password(control, name, given))
    except TooSoonError as error:
        raise ApiError(400, str(error)) from None
    if known is None:
        raise ApiError(400, "field 'currentPassword' is not your password")
    await run_in_threadpool(set_password, control, identifier, body.newPassword)
    return PasswordChanged()


def require_rank(caller: Caller, subject_type: str, subject_id: str) -> None:
    """Who can take over an account has what the account has.

    Raises:
        ApiError: 403, the account administers all tenants, and the caller does not.
    """
    rules = list_rules(caller.services.control, caller.actor.tenant_id)
    is_above = any(
        rule.scope_type == "system" and (rule.subject_type, rule.subject_id) == (subject_type, subject_id)
        for rule in rules
    )
    if is_above and not is_over_tenants(caller.actor):
        raise ApiError(403, "you do not have sufficient permissions: this account administers all tenants")


async def user_of(caller: Caller, user_id: str, action: Action, of_themselves: bool = True) -> User:
    """The user with an id, of the caller's tenant. of_themselves: whether everybody may do that to themselves.

    Raises:
        ApiError: 403 or 404.
    """
    is_theirs = of_themselves and action != "delete" and caller.actor.user_id == user_id
    if not is_theirs:
        caller.require(action, "users")
    user = await run_in_threadpool(find_user, caller.services.control, user_id)
    if user is None or user.tenant_id != caller.actor.tenant_id:
        raise ApiError(404, f"there is no user with the id {user_id!r}")
    caller.target.id, caller.target.name = user.id, user.username
    return user
