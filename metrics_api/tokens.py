"""Tokens: an application's id and secret, or a one-time link, exchanged for a bearer token."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from metrics_api.errors import ApiError
from metrics_api.services import Services
from queries.control.applications import check_secret, redeem_link


class TokenRequest(BaseModel):
    """What to exchange: the id and secret of an application, or the code of a link. Keys are read in any case."""

    model_config = ConfigDict(extra="forbid")

    grantType: Literal["client_credentials", "app_token", "exchange_token"]
    clientID: str | None = Field(None, description="With client_credentials.")
    clientSecret: str | None = None
    appID: str | None = Field(None, description="With app_token.")
    appSecret: str | None = None
    code: str | None = Field(None, description="With exchange_token.")
    redirectUri: str | None = None

    @model_validator(mode="before")
    @classmethod
    def keys_in_any_case(cls, data: Any) -> Any:
        known = {name.lower(): name for name in cls.model_fields}
        return (
            {known.get(str(key).lower(), key): value for key, value in data.items()} if isinstance(data, dict) else data
        )


class TokenAnswer(BaseModel):
    """A bearer token. expiresIn is in seconds."""

    accessToken: str
    tokenType: Literal["bearer"] = "bearer"
    expiresIn: int


async def create_token(services: Services, body: TokenRequest) -> TokenAnswer:
    """Exchange credentials for a token, to be sent as ``Authorization: Bearer ...``."""
    application = await run_in_threadpool(prove, services, body)
    if application is None:
        raise ApiError(400, "the credentials are not right, or no longer")
    token = await run_in_threadpool(services.tokens.issue, application)
    return TokenAnswer(accessToken=token, expiresIn=int(services.settings.auth.token_lifetime.total_seconds()))


def prove(services: Services, body: TokenRequest) -> Any:
    """The application that the credentials belong to, if they are right."""
    if body.grantType == "exchange_token":
        return redeem_link(services.control, needed(body, "code"))
    names = ("clientID", "clientSecret") if body.grantType == "client_credentials" else ("appID", "appSecret")
    identifier, secret = (needed(body, name) for name in names)
    return check_secret(services.control, identifier, secret)


def needed(body: TokenRequest, name: str) -> str:
    value = getattr(body, name)
    if not value:
        raise ApiError(400, f"field {name!r} is missing; grantType {body.grantType} needs it")
    return str(value)
