"""Apps: service accounts, as Run:ai called them before."""

from pydantic import BaseModel, Field

from metrics_api.access import service_accounts
from metrics_api.access.service_accounts import AccountChange, AccountView, NewAccount
from metrics_api.services import Caller


class NewAppView(BaseModel):
    id: str
    name: str
    clientId: str
    secret: str = Field(description="Told this once.")


class AppSecretView(BaseModel):
    secret: str = Field(description="Told this once.")


async def list_all(caller: Caller) -> list[AccountView]:
    """The applications of the caller's tenant."""
    return await service_accounts.list_all(caller)


async def read(caller: Caller, app_id: str) -> AccountView:
    """One application."""
    return await service_accounts.read(caller, app_id)


async def create(caller: Caller, body: NewAccount) -> NewAppView:
    """Make an application. It may do nothing yet: give it a role by an access rule."""
    new = await service_accounts.create(caller, body)
    return NewAppView(id=new.id, name=new.name, clientId=new.clientId, secret=new.clientSecret)


async def update(caller: Caller, app_id: str, body: AccountChange) -> AccountView:
    """Let an application ask, or no longer: then its tokens are refused."""
    return await service_accounts.update(caller, app_id, body)


async def delete(caller: Caller, app_id: str) -> None:
    """Delete an application, with its access rules."""
    await service_accounts.delete(caller, app_id)


async def renew(caller: Caller, app_id: str) -> AppSecretView:
    """Give an application another secret. Its tokens are refused."""
    return AppSecretView(secret=(await service_accounts.renew(caller, app_id)).clientSecret)
