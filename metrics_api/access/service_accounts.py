"""Service accounts: programs that may ask. Run:ai called them applications, which is how they are still reached too."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from metrics_api.access.users import require_rank
from metrics_api.endpoint import Complete
from metrics_api.errors import ApiError
from metrics_api.services import Caller
from queries.control.applications import (
    create_application,
    delete_application,
    enable_application,
    find_application,
    list_applications,
    renew_secret,
)
from queries.control.roles import Action
from queries.control.tables import Application

RESOURCE = "service-account"


class AccountView(Complete):
    """A service account. Its secret is told when it is made, and never again."""

    id: str
    name: str
    clientId: str
    tenantId: str
    enabled: bool
    createdBy: str
    createdAt: datetime
    updatedAt: datetime
    lastLogin: datetime | None

    @classmethod
    def of(cls, account: Application) -> Self:
        return cls(
            id=account.id,
            name=account.name,
            clientId=account.client_id,
            tenantId=str(account.tenant_id),
            enabled=account.enabled,
            createdBy=account.created_by,
            createdAt=account.created_at,
            updatedAt=account.updated_at,
            lastLogin=account.last_login,
        )


class NewAccount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")


class NewAccountView(BaseModel):
    id: str
    name: str
    clientId: str
    clientSecret: str = Field(description="Told this once.")


class AccountChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: bool


class SecretView(BaseModel):
    clientSecret: str = Field(description="Told this once.")


async def list_all(caller: Caller) -> list[AccountView]:
    """The service accounts of the caller's tenant."""
    caller.require("read", RESOURCE)
    accounts = await run_in_threadpool(list_applications, caller.services.control, caller.actor.tenant_id)
    return [AccountView.of(account) for account in accounts]


async def read(caller: Caller, account_id: str) -> AccountView:
    """One service account."""
    return AccountView.of(await account_of(caller, account_id, "read"))


async def create(caller: Caller, body: NewAccount) -> NewAccountView:
    """Make a service account. It may do nothing yet: give it a role by an access rule."""
    caller.require("create", RESOURCE)
    actor = caller.actor
    new = await run_in_threadpool(
        lambda: create_application(
            caller.services.control, body.name, tenant_id=actor.tenant_id, created_by=actor.name, rules=()
        )
    )
    caller.target.id, caller.target.name = new.id, new.name
    return NewAccountView(id=new.id, name=new.name, clientId=new.client_id, clientSecret=new.client_secret)


async def update(caller: Caller, account_id: str, body: AccountChange) -> AccountView:
    """Let a service account ask, or no longer: then its tokens are refused."""
    account = await account_of(caller, account_id, "update")
    changed = await run_in_threadpool(enable_application, caller.services.control, account.id, body.enabled)
    if changed is None:
        raise missing(account_id)
    return AccountView.of(changed)


async def delete(caller: Caller, account_id: str) -> None:
    """Delete a service account, with its access rules."""
    account = await account_of(caller, account_id, "delete")
    await run_in_threadpool(delete_application, caller.services.control, account.id)


async def renew(caller: Caller, account_id: str) -> SecretView:
    """Give a service account another secret. Its tokens are refused."""
    account = await account_of(caller, account_id, "update")
    await run_in_threadpool(require_rank, caller, RESOURCE, account.id)
    secret = await run_in_threadpool(renew_secret, caller.services.control, account.id)
    if secret is None:
        raise missing(account_id)
    return SecretView(clientSecret=secret)


async def account_of(caller: Caller, account_id: str, action: Action) -> Application:
    """The service account with an id, of the caller's tenant.

    Raises:
        ApiError: 403 or 404.
    """
    caller.require(action, RESOURCE)
    account = await run_in_threadpool(find_application, caller.services.control, account_id)
    if account is None or account.tenant_id != caller.actor.tenant_id:
        raise missing(account_id)
    caller.target.id, caller.target.name = account.id, account.name
    return account


def missing(account_id: str) -> ApiError:
    return ApiError(404, f"there is no service account with the id {account_id!r}")
