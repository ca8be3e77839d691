"""Access keys: long-lived secrets of a user. The secret is a bearer token as it is, and can be exchanged for one."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool

from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from metrics_api.services import Caller
from queries.control.access_keys import create_access_key, delete_access_key, list_access_keys, renew_access_key
from queries.control.tables import AccessKey, User
from queries.control.users import find_user

NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class KeyView(Complete):
    id: str
    name: str
    clientId: str
    createdAt: datetime
    lastLogin: datetime | None

    @classmethod
    def of(cls, key: AccessKey) -> Self:
        return cls(id=key.id, name=key.name, clientId=key.client_id, createdAt=key.created_at, lastLogin=key.last_login)


class KeysView(Complete):
    accessKeys: list[KeyView]


class OwnedKeyView(Complete):
    id: str
    name: str
    clientId: str
    createdBy: str
    createdAt: datetime
    lastLogin: datetime | None


class OwnedKeysView(Complete):
    accessKeys: list[OwnedKeyView]


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str

    @field_validator("name")
    @classmethod
    def is_a_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("lower-case letters, digits and hyphens, a letter first, as in prometheus-scraper")
        return name


class NewKeyView(BaseModel):
    id: str
    name: str
    clientId: str
    clientSecret: str = Field(description="Told this once.")
    createdAt: datetime


class KeySecretView(BaseModel):
    clientSecret: str = Field(description="Told this once.")


class OwnerQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    clientId: str | None = None
    createdBy: str | None = None


async def list_own(caller: Caller) -> KeysView:
    """The caller's own access keys."""
    owned = [key for key, user in await keys_of(caller) if user.id == caller.actor.user_id]
    return KeysView(accessKeys=[KeyView.of(key) for key in owned])


async def create(caller: Caller, body: NewKey) -> NewKeyView:
    """Make an access key. It may do what its user may, until it is deleted."""
    user = await run_in_threadpool(find_user, caller.services.control, owner_of(caller))
    if user is None:
        raise ApiError(404, "the user of this token is gone")
    key, secret = await run_in_threadpool(create_access_key, caller.services.control, user, body.name)
    caller.target.id, caller.target.name = key.id, key.name
    return NewKeyView(id=key.id, name=key.name, clientId=key.client_id, clientSecret=secret, createdAt=key.created_at)


async def read(caller: Caller, key_id: str) -> KeyView:
    """One of the caller's own access keys."""
    return KeyView.of(await own_key(caller, key_id))


async def renew(caller: Caller, key_id: str) -> KeySecretView:
    """Give an access key another secret. The old one, and what it was exchanged for, are refused."""
    key = await own_key(caller, key_id)
    return KeySecretView(clientSecret=await run_in_threadpool(renew_access_key, caller.services.control, key.id))


async def delete(caller: Caller, key_id: str) -> None:
    """Revoke one of the caller's own access keys."""
    key = await own_key(caller, key_id)
    await run_in_threadpool(delete_access_key, caller.services.control, key.id)


async def list_of_tenant(caller: Caller, query: OwnerQuery) -> OwnedKeysView:
    """The access keys of all users of the tenant."""
    caller.require("read", "access-keys")
    chosen = [
        OwnedKeyView(
            id=key.id,
            name=key.name,
            clientId=key.client_id,
            createdBy=user.username,
            createdAt=key.created_at,
            lastLogin=key.last_login,
        )
        for key, user in await keys_of(caller)
        if query.clientId in (None, key.client_id) and query.createdBy in (None, user.username)
    ]
    return OwnedKeysView(accessKeys=chosen)


async def delete_of_tenant(caller: Caller, key_id: str) -> None:
    """Revoke somebody's access key."""
    caller.require("delete", "access-keys")
    key = next((key for key, _ in await keys_of(caller) if key.id == key_id), None)
    if key is None:
        raise missing(key_id)
    caller.target.name = key.name
    await run_in_threadpool(delete_access_key, caller.services.control, key.id)


async def own_key(caller: Caller, key_id: str) -> AccessKey:
    keys = await keys_of(caller)
    key = next((key for key, user in keys if key.id == key_id and user.id == caller.actor.user_id), None)
    if key is None:
        raise missing(key_id)
    caller.target.name = key.name
    return key


async def keys_of(caller: Caller) -> Sequence[tuple[AccessKey, User]]:
    return await run_in_threadpool(list_access_keys, caller.services.control, caller.actor.tenant_id)


def owner_of(caller: Caller) -> str:
    if caller.actor.user_id is None:
        raise ApiError(400, "only users have access keys; an application has a secret")
    if caller.actor.has_key:
        raise ApiError(403, "an access key makes no other access keys; sign in with your password")
    return caller.actor.user_id


def missing(key_id: str) -> ApiError:
    return ApiError(404, f"there is no access key with the id {key_id!r}")
